-- Append one event to a room's log and publish it: limits, idempotency, rules
-- about the target, XADD with prev, PUBLISH, in one round trip. The function
-- rate is that of rate.lua, which comes before. The names of keys and arguments
-- are bound in front of this source, see appendScript in append.go:
--
--   log meta user_rate keys_0 keys_1 edits       keys of the room
--   channel                                      to publish on
--   event                                        as JSON, without id and prev
--   kind user target                             of the event; target may be ''
--   text                                         what sets a property of the room
--   target_kind own removes_text replaces_text sets   the rules of its kind
--   idempotency_key digest                       digest: hash of what is posted
--   max_events max_age                           kept; age in ms, 0: all
--   interval burst                               µs between posts (0: no limit), posts at once
--   given_id                                     '' to have it made here
--   publish                                      '1': at once, '': replicas first
--
-- Answers {'ok'|'again', id, prev} {'reused'} {'wait', µs} {'gone'} {'foreign'}
local call = redis.call

local function ms(id) return tonumber(string.match(id, '^%d+')) end
local function seq(id) return tonumber(string.match(id, '%d+$')) end

local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local last = call('HGET', meta, 'last') or '0-0'

-- Ids rise whatever the clock does, and even if the log was lost and meta not.
-- They begin with the microsecond, so that two Redis that both believe to be
-- the primary do not give the same one to two events.
local id = given_id
if id == '' then
  local clock, fraction = math.floor(now / 1000), now % 1000
  if clock < ms(last) or (clock == ms(last) and fraction <= seq(last)) then
    clock, fraction = ms(last), seq(last) + 1
  end
  id = string.format('%d-%d', clock, fraction)
end

-- Keys live in two alternating generations, each a hash. '@' holds when the
-- generation started, in ms of ids: it takes the keys of ten minutes from then
-- on, then the other one is emptied and becomes the current one. So a key is
-- known for ten minutes at least, even over a jump of the clock. The time to
-- live, a day, only sweeps what idle rooms leave behind.
local name = user .. ' ' .. idempotency_key
local current, other, started
for _, generation in ipairs({keys_0, keys_1}) do
  local found = call('HMGET', generation, '@', name)
  if found[2] then
    local first, prev, body = string.match(found[2], '^(%S+) (%S+) (%S+)$')
    if body ~= digest then return {'reused'} end
    if publish ~= '1' then call('HSET', meta, 'last', last) end -- something for WAIT to wait for
    return {'again', first, prev}
  end
  local at = tonumber(found[1] or 0)
  if not started or at > started then
    other = current or keys_1
    current, started = generation, at
  end
end

if interval ~= '0' then
  local wait = rate(user_rate, now, tonumber(interval), tonumber(burst), 1)
  if wait > 0 then return {'wait', string.format('%d', wait)} end
end

if target ~= '' then
  local found = call('XRANGE', log, target, target)[1]
  local has = {}
  for i = 1, found and #found[2] or 0, 2 do has[found[2][i]] = found[2][i + 1] end
  if has.kind ~= target_kind then return {'gone'} end
  if own == '1' and has.user ~= user then return {'foreign'} end
end

-- Replacements of a text are found by the time of their target, so that taking
-- a message's text out of the log takes theirs out too.
if removes_text == '1' then
  call('XDEL', log, target)
  for _, edit in ipairs(call('ZRANGEBYSCORE', edits, ms(target), ms(target))) do
    local of, by = string.match(edit, '^(%S+) (%S+)$')
    if of == target then
      call('XDEL', log, by)
      call('ZREM', edits, edit)
    end
  end
elseif replaces_text == '1' then
  call('ZADD', edits, ms(target), target .. ' ' .. id)
  local head = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  call('ZREMRANGEBYSCORE', edits, '-inf', '(' .. ms(head[1]))
end
if sets ~= '' then call('HSET', meta, sets, text) end

-- show.lua and the readers find the fields by these names.
call('XADD', log, 'MAXLEN', '~', max_events, id, 'prev', last, 'kind', kind, 'user', user, 'event', event)
call('HSET', meta, 'last', id)
if max_age == '0' then
  call('PERSIST', log)
else
  call('XTRIM', log, 'MINID', '~', string.format('%d-0', math.max(0, ms(id) - max_age)))
  call('PEXPIRE', log, max_age)
end

if ms(id) - started >= 600000 then
  current = other
  call('DEL', current)
  call('HSET', current, '@', string.match(id, '^%d+'))
end
call('HSET', current, name, id .. ' ' .. last .. ' ' .. digest)
call('PEXPIRE', current, 86400000)
if publish == '1' then call('PUBLISH', channel, id .. ' ' .. last .. ' ' .. event) end
return {'ok', id, last}
