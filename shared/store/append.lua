-- Append one event to a room's log and ring the bell: limits, idempotency,
-- rules about the target, XADD with prev, PUBLISH, in one round trip.
--
-- KEYS  1 log  2 meta  3 rate of the user  4 5 idempotency keys  6 edits
-- ARGV  1 channel  2 kind  3 user id  4 event as JSON, without id and prev
--       5 idempotency key or ''  6 hash of what is posted
--       7 target or ''  8 most events kept  9 oldest kept, ms of age (0: all)
--      10 µs between posts (0: no limit)  11 posts at once
--      12 id, '*' to have Redis choose  13 '1': PUBLISH at once
-- Answers {'ok'|'again', id, prev} {'reused'} {'wait', µs} {'gone'} {'foreign'}
local call = redis.call
local log, meta, edits = KEYS[1], KEYS[2], KEYS[6]
local kind, user, key, target = ARGV[2], ARGV[3], ARGV[5], ARGV[7]
local window = 600000

local last = call('HGET', meta, 'last') or '0-0'

-- Keys live in two hashes that take turns, ten minutes of log time each; log
-- time never goes back, whatever the clock does. '@' is a hash's turn.
local function turn(id) return math.floor(tonumber(string.match(id, '^%d+')) / window) end
local function hash(t) return KEYS[4 + t % 2] end
if key ~= '' then
  local now = turn(last)
  for t = now - 1, now do
    local h = call('HMGET', hash(t), '@', user .. ' ' .. key)
    if h[1] == tostring(t) and h[2] then
      local id, prev, body = string.match(h[2], '^(%S+) (%S+) (%S+)$')
      if body ~= ARGV[6] then return {'reused'} end
      return {'again', id, prev}
    end
  end
end

local interval = tonumber(ARGV[10])
if interval > 0 then
  -- GCRA: tat is when the user will have paid for what was posted.
  local t = call('TIME')
  local now = t[1] * 1000000 + t[2]
  local full = interval * tonumber(ARGV[11])
  local tat = math.min(math.max(tonumber(call('GET', KEYS[3]) or '0'), now), now + full)
  if tat + interval > now + full then return {'wait', string.format('%d', tat + interval - now - full)} end
  call('SET', KEYS[3], string.format('%d', tat + interval), 'PX', math.ceil((tat + interval - now) / 1000))
end

if target ~= '' then
  local found = call('XRANGE', log, target, target)[1]
  local has = {}
  for i = 1, found and #found[2] or 0, 2 do has[found[2][i]] = found[2][i + 1] end
  if has.kind ~= 'message' then return {'gone'} end
  if kind ~= 'reaction' and has.user ~= user then return {'foreign'} end
  local old = call('HGET', edits, target)
  if kind == 'delete' then
    call('XDEL', log, target)
    for id in string.gmatch(old or '', '%S+') do call('XDEL', log, id) end
    call('HDEL', edits, target)
  end
end

local id = call('XADD', log, 'MAXLEN', '~', ARGV[8], ARGV[12], 'prev', last, 'kind', kind, 'user', user, 'event', ARGV[4])
call('HSET', meta, 'last', id)
if kind == 'room' then call('HSET', meta, 'title', cjson.decode(ARGV[4]).text) end
if ARGV[9] ~= '0' then
  local ms = tonumber(string.match(id, '^%d+')) - tonumber(ARGV[9])
  call('XTRIM', log, 'MINID', '~', string.format('%d-0', ms))
end
if kind == 'edit' then
  local old = call('HGET', edits, target)
  call('HSET', edits, target, old and old .. ' ' .. id or id)
end
if key ~= '' then
  local t = turn(id)
  local h = hash(t)
  if call('HGET', h, '@') ~= tostring(t) then
    call('DEL', h)
    call('HSET', h, '@', tostring(t))
    call('PEXPIRE', h, 2 * window + 60000)
  end
  call('HSET', h, user .. ' ' .. key, id .. ' ' .. last .. ' ' .. ARGV[6])
end
if ARGV[13] == '1' then call('PUBLISH', ARGV[1], id .. ' ' .. last .. ' ' .. ARGV[4]) end
return {'ok', id, last}
