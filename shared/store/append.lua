-- Append one event to a room's log and ring the bell: limits, idempotency,
-- rules about the target, XADD with prev, PUBLISH, in one round trip. The
-- function rate is that of rate.lua, which comes before.
--
-- KEYS  1 log  2 meta  3 rate of the user  4 5 idempotency keys  6 edits
-- ARGV  1 channel  2 kind  3 user id  4 event as JSON, without id and prev
--       5 idempotency key  6 hash of what is posted  7 target or ''
--       8 most events kept  9 oldest kept, ms of age (0: all)
--      10 µs between posts (0: no limit)  11 posts at once
--      12 id, or '' to have it made here  13 '1': PUBLISH at once, '': replicas first
-- Answers {'ok'|'again', id, prev} {'reused'} {'wait', µs} {'gone'} {'foreign'}
local call = redis.call
local log, meta, edits = KEYS[1], KEYS[2], KEYS[6]
local kind, user, target = ARGV[2], ARGV[3], ARGV[7]

local function ms(id) return tonumber(string.match(id, '^%d+')) end
local function seq(id) return tonumber(string.match(id, '%d+$')) end

local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local last = call('HGET', meta, 'last') or '0-0'

-- Ids rise whatever the clock does, and even if the log was lost and meta not.
-- They begin with the microsecond, so that two Redis that both believe to be
-- the primary do not give the same one to two events.
local id = ARGV[12]
if id == '' then
  local clock, fraction = math.floor(now / 1000), now % 1000
  if clock < ms(last) or (clock == ms(last) and fraction <= seq(last)) then
    clock, fraction = ms(last), seq(last) + 1
  end
  id = string.format('%d-%d', clock, fraction)
end

-- Keys live in two hashes that take turns: one takes those of ten minutes of
-- ids from its '@' on, then the other is emptied and takes them. So a key is
-- known for ten minutes at least, even over a jump of the clock. The time to
-- live, a day, only sweeps what idle rooms leave behind.
local name = user .. ' ' .. ARGV[5]
local taking, since
for i = 4, 5 do
  local found = call('HMGET', KEYS[i], '@', name)
  if found[2] then
    local first, prev, body = string.match(found[2], '^(%S+) (%S+) (%S+)$')
    if body ~= ARGV[6] then return {'reused'} end
    if ARGV[13] ~= '1' then call('HSET', meta, 'last', last) end -- something for WAIT to wait for
    return {'again', first, prev}
  end
  local at = tonumber(found[1] or 0)
  if not since or at > since then taking, since = i, at end
end

if ARGV[10] ~= '0' then
  local wait = rate(KEYS[3], now, tonumber(ARGV[10]), tonumber(ARGV[11]), 1)
  if wait > 0 then return {'wait', string.format('%d', wait)} end
end

if target ~= '' then
  local found = call('XRANGE', log, target, target)[1]
  local has = {}
  for i = 1, found and #found[2] or 0, 2 do has[found[2][i]] = found[2][i + 1] end
  if has.kind ~= 'message' then return {'gone'} end
  if kind ~= 'reaction' and has.user ~= user then return {'foreign'} end
end

-- Edits are found by the time of their target, so that deleting a message
-- takes their text out of the log too.
if kind == 'delete' then
  call('XDEL', log, target)
  for _, edit in ipairs(call('ZRANGEBYSCORE', edits, ms(target), ms(target))) do
    local of, by = string.match(edit, '^(%S+) (%S+)$')
    if of == target then
      call('XDEL', log, by)
      call('ZREM', edits, edit)
    end
  end
elseif kind == 'edit' then
  call('ZADD', edits, ms(target), target .. ' ' .. id)
  local head = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  call('ZREMRANGEBYSCORE', edits, '-inf', '(' .. ms(head[1]))
elseif kind == 'room' then
  call('HSET', meta, 'title', cjson.decode(ARGV[4]).text)
end

call('XADD', log, 'MAXLEN', '~', ARGV[8], id, 'prev', last, 'kind', kind, 'user', user, 'event', ARGV[4])
call('HSET', meta, 'last', id)
if ARGV[9] == '0' then
  call('PERSIST', log)
else
  call('XTRIM', log, 'MINID', '~', string.format('%d-0', math.max(0, ms(id) - ARGV[9])))
  call('PEXPIRE', log, ARGV[9])
end

if ms(id) - since >= 600000 then
  taking = 9 - taking
  call('DEL', KEYS[taking])
  call('HSET', KEYS[taking], '@', string.match(id, '^%d+'))
end
call('HSET', KEYS[taking], name, id .. ' ' .. last .. ' ' .. ARGV[6])
call('PEXPIRE', KEYS[taking], 86400000)
if ARGV[13] == '1' then call('PUBLISH', ARGV[1], id .. ' ' .. last .. ' ' .. ARGV[4]) end
return {'ok', id, last}
