-- Append one event to a room's log and publish it: limits, idempotency, rules
-- about the target, XADD with prev, the index of rooms, PUBLISH, in one round
-- trip. The functions rate and claim are those of rate.lua and presence.go, and
-- what judges rights is that of rights.lua and settle.lua; all come before. The names of
-- keys and arguments are bound in front of this source, see appendScript in
-- append.go:
--
--   log meta user_rate network_day keys_0 keys_1 edits emojis copy  keys of the room
--   rooms creators                               the index of the bucket's rooms
--   erasing                                      those of its rooms that are to be erased in, see erase.lua
--   name_key                                     who has the author's name
--   channel                                      to publish on
--   event                                        as JSON, without id, prev and at
--   room user target                             of the event; target may be ''
--   network                                      of the user; '' is not counted
--   begins                                       '' if it must not begin the room yet
--   emoji                                        that it adds to the target
--   text                                         what sets a property of the room
--   titled                                       '1': text does
--   key_hash digest                              of user and idempotency key; of what is posted
--   audit                                        the bucket's, see audit.lua
--   outbox concerns                              the bucket's, and '1': the event goes there
--
-- and constants:
--
--   kind target_kind own removes_text replaces_text sets   the rules of its kind
--   max_events max_age max_bytes                 kept; age in ms; 0: all
--   count_rooms                                  of who begins one
--   max_emojis                                   different ones on a target
--   idle                                         ms that an empty room is known
--   max_created                                  rooms that the index has of one creator
--   interval burst                               µs between posts (0: no limit), posts at once
--   day_interval day_burst                       the same for a network's day
--   publish                                      at once, or else replicas first
--   by_server                                    it is a notice, in an inbox
--   named name_life                              the name is claimed, for so many ms
--
-- Answers {'ok'|'again', id, prev, at} {'reused'} {'wait', µs} {'spent', µs} {'begins'} {'emojis'} {'gone'}
-- {'foreign'} {'named'} {'slow', µs} {'no', why}, and {'unpublished', id, prev, at, why} for an event that is in
-- the log, but that Redis would not publish. At is when it happened, in ms, '0'
-- where its id says so.
local call = redis.call

local function ms(id) return tonumber(string.match(id, '^%d+')) end
local function seq(id) return tonumber(string.match(id, '%d+$')) end

local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local clock = math.floor(now / 1000)

-- The last id that the log gave, which is what counts when meta was lost or
-- taken back: Redis accepts none that is not later.
local function top()
  local info = redis.pcall('XINFO', 'STREAM', log)
  for i = 1, info.err and 0 or #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  local newest = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return newest and newest[1] or '0-0'
end
local known = call('HMGET', meta, 'last', 'creator', 'indexed', 'ruled', 'bytes', 'dropped')
local last, creator, indexed, ruled = known[1] or top(), known[2], known[3], known[4]
local bytes, dropped = known[5], number(known[6])
if not bytes and last ~= '0-0' then -- meta was lost
  local fields = (call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1] or {})[2] or {}
  for i = 1, #fields, 2 do
    if fields[i] == 'sum' then bytes = fields[i + 1] end
  end
end
bytes = number(bytes) + #event
local total = string.format('%d', bytes)

local set = ruled and call('HMGET', meta, 'access', 'posting', 'locked', 'slow', 'retention', 'owners') or {}
local rights = {
  clock = clock, exists = ruled or last ~= '0-0', ruled = ruled, access = set[1], posting = set[2],
  locked = set[3], slow = number(set[4]), retention = number(set[5]), owners = set[6],
}
local refused = refusal(rights)
if refused then return {'no', refused} end

-- Ids rise whatever the clock does, and even if the log was lost and meta not.
-- They begin with the microsecond, so that two Redis that both believe to be
-- the primary do not give the same one to two events.
local function following(last)
  local id_ms, id_seq, last_ms = clock, now % 1000, ms(last)
  if id_ms < last_ms or (id_ms == last_ms and id_seq <= seq(last)) then
    id_ms, id_seq = last_ms, seq(last) + 1
  end
  return string.format('%d-%d', id_ms, id_seq)
end
local id = following(last)

-- Keys live in two alternating generations, each a hash. '@' holds when the
-- generation started, in ms: it takes the keys of ten minutes from then on, then
-- the other one is emptied and becomes the current one. So a key is known for
-- ten minutes at least, even over a jump of the clock: a generation that started
-- later than now starts again. The time to live, a day, only sweeps what idle
-- rooms leave behind. An inbox has one generation, with the keys of all that it
-- holds: a notice is written once, however late it is tried again.
local current, other, started
for _, generation in ipairs({keys_0, keys_1}) do
  local found = call('HMGET', generation, '@', key_hash)
  if found[2] then
    local first, prev, at, body = string.match(found[2], '^(%S+) (%S+) (%S+) (%S+)$')
    if body ~= digest then return {'reused'} end
    if not publish then call('HSET', meta, 'last', last) end -- something for WAIT to wait for
    return {'again', first, prev, at}
  end
  local at = tonumber(found[1] or 0)
  if not started or at > started then
    other = current or keys_1
    current, started = generation, at
  end
end

if count_rooms and not creator and begins == '' then return {'begins'} end

local pause = slowed and rights.rank < 2 and rights.slow * 1000 or 0
if pause > 0 then
  local spoke = number(call('GET', slow_mark))
  if spoke > 0 and spoke <= clock and spoke + pause > clock then return {'slow', string.format('%d', (spoke + pause - clock) * 1000)} end
end

-- What is counted of the user and the network, and who has the name, are read
-- together.
local counts, names = {}, {}
if interval > 0 then names[1] = user_rate end
if day_interval > 0 then names[#names + 1] = network_day end
if named then names[#names + 1] = name_key end
if #names > 0 then
  for i, found in ipairs(call('MGET', unpack(names))) do counts[names[i]] = found end
end

if interval > 0 and (posts or rights.rank < 2) then
  local wait = rate(user_rate, now, interval, burst, 1, false, counts[user_rate])
  if wait > 0 then return {'wait', string.format('%d', wait)} end
end

local overruled -- the target is another user's
if target ~= '' then
  local found = call('XRANGE', log, target, target)[1]
  local has = {}
  for i = 1, found and #found[2] or 0, 2 do has[found[2][i]] = found[2][i + 1] end
  if has.kind ~= target_kind then return {'gone'} end
  overruled = has.user ~= user
  if own and has.user ~= user and (overrule == 0 or rights.rank < overrule) then return {'foreign'} end
  if emoji ~= '' and not call('ZSCORE', emojis, target .. ' ' .. emoji) then
    local n = 0
    for _, one in ipairs(call('ZRANGEBYSCORE', emojis, ms(target), ms(target))) do
      if string.match(one, '^%S+') == target then n = n + 1 end
    end
    if n >= max_emojis then return {'emojis'} end
  end
end

-- Who speaks has the name, and nobody else speaks by it meanwhile. What an
-- operator settles does not wait for who took theirs.
if named and not (settles and everywhere ~= '0') and claim(name_key, user, name_life, counts[name_key]) ~= user then return {'named'} end

-- In a room that another user began, a network has a day's share of the log, so
-- that no flood pushes out what others said. Taking texts out is free, and so is
-- what the room's moderators and owners write.
if day_interval > 0 and network ~= '' and creator and creator ~= user and rights.rank < 2 and not removes_text then
  local wait = rate(network_day, now, day_interval, day_burst, 1, false, counts[network_day])
  if wait > 0 then return {'spent', string.format('%d', wait)} end
end

-- Everybody finds the fields by their names. A log that is ahead of its meta
-- (which was lost, or taken back by a failover) goes on where it is.
local function when() return math.abs(clock - ms(id)) > 1000 and string.format('%d', clock) or '0' end
local at = when()
local added = redis.pcall('XADD', log, 'MAXLEN', '~', max_events, id, 'prev', last, 'at', at, 'kind', kind, 'user', user, 'sum', total, 'event', event)
if type(added) == 'table' and added.err then
  last = top()
  id = following(last)
  at = when()
  call('XADD', log, 'MAXLEN', '~', max_events, id, 'prev', last, 'at', at, 'kind', kind, 'user', user, 'sum', total, 'event', event)
end

-- Each entry has the sum of the bytes of all events up to it, so the log holds no
-- more than the difference between its last and its first: what was deleted in
-- between counts until erase.lua takes it out. Over the ceiling, the oldest go
-- until it is a little below, some at each append.
if max_bytes > 0 and bytes - dropped > max_bytes then
  local upto
  for _, entry in ipairs(call('XRANGE', log, '-', '(' .. id, 'COUNT', 64)) do
    local has = {}
    for i = 1, #entry[2], 2 do has[entry[2][i]] = entry[2][i + 1] end
    local sum = number(has.sum)
    dropped = math.max(dropped, sum - #has.event)
    if bytes - dropped <= max_bytes - max_bytes / 64 then break end
    upto, dropped = entry[1], math.max(dropped, sum)
  end
  if upto then call('XTRIM', log, 'MINID', string.format('%d-%d', ms(upto), seq(upto) + 1)) end
  call('HSET', meta, 'dropped', string.format('%d', dropped))
end

-- Replacements of a text are found by the time of their target, so that taking
-- a message's text out of the log takes theirs out too, and a new one takes out
-- those before it. The message keeps its entry, which cannot be changed in its
-- place: until erase.lua has given it its last text, see asTheyRead in edits.go.
if removes_text or replaces_text then
  local function take_out(entry)
    call('XDEL', log, entry)
    call('XDEL', copy, entry)
  end
  if removes_text then take_out(target) end
  for _, edit in ipairs(call('ZRANGEBYSCORE', edits, ms(target), ms(target))) do
    local of, by = string.match(edit, '^(%S+) (%S+)$')
    if of == target then
      take_out(by)
      call('ZREM', edits, edit)
    end
  end
  call('HSET', erasing, room, id)
end
-- What is about the target is kept for as long as the target is there.
if emoji ~= '' or replaces_text then
  local index = replaces_text and edits or emojis
  call('ZADD', index, ms(target), target .. ' ' .. (replaces_text and id or emoji))
  local head = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  call('ZREMRANGEBYSCORE', index, '-inf', '(' .. ms(head[1]))
  if max_age > 0 then call('PEXPIRE', index, max_age) end
end
if settles then
  settle(rights)
  if rights.set then
    rights.access = rights.set.access or rights.set.made and 'open' or rights.access
    rights.retention = rights.set.retention or rights.retention
  end
  if rights.access == 'closed' then
    call('XTRIM', log, 'MINID', id)
    call('DEL', edits, emojis, copy)
    call('HSET', erasing, room, id)
    forget_rights()
  end
end
if note_audit then note_audit(overruled, last, id, at, clock) end
if titled == '1' then call('HSET', meta, sets, text) end
if slowed and rights.slow > 0 then call('SET', slow_mark, clock, 'PX', rights.slow * 1000) end

-- Age is by the clock. Ids tell it as long as they follow the clock; where they
-- ran ahead of it, the oldest entries are looked at, more than are added. A time
-- to come is of a clock that was wrong, and says nothing of the entry's age. A
-- room may forget sooner than the server does.
local server_age, max_age = max_age, max_age
if rights.retention > 0 and (max_age == 0 or rights.retention * 1000 < max_age) then max_age = rights.retention * 1000 end
local told = creator and indexed and math.abs(clock - indexed) < 1000 -- the index, a moment ago
if max_age == 0 then
  if ruled or not told then call('PERSIST', log) end -- it may have forgotten with time before
else
  local oldest = clock - max_age
  call('XTRIM', log, 'MINID', '~', string.format('%d-0', math.max(0, oldest)))
  if ms(id) > clock + 1000 then
    local upto
    for _, entry in ipairs(call('XRANGE', log, '-', '(' .. id, 'COUNT', 16)) do
      local when, fields = ms(entry[1]), entry[2]
      for i = 1, #fields, 2 do
        if fields[i] == 'at' and fields[i + 1] ~= '0' then when = tonumber(fields[i + 1]) end
      end
      if when < oldest then upto = entry[1] elseif when <= clock then break end
    end
    if upto then call('XTRIM', log, 'MINID', string.format('%d-%d', ms(upto), seq(upto) + 1)) end
  end
  call('PEXPIRE', log, max_age)
end

if by_server then
  if call('HLEN', current) > 2 * call('XLEN', log) + 100 then -- those of what is still in the log stay
    local head = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    local all = call('HGETALL', current)
    for i = 1, #all, 2 do
      if ms(string.match(all[i + 1], '^%S+')) < ms(head[1]) then call('HDEL', current, all[i]) end
    end
  end
else
  if clock - started >= 600000 then
    current = other
    call('DEL', current)
  end
  if clock < started or clock - started >= 600000 then
    call('HSET', current, '@', string.format('%d', clock))
    call('PEXPIRE', current, 86400000)
  end
end
call('HSET', current, key_hash, id .. ' ' .. last .. ' ' .. at .. ' ' .. digest)
if by_server and max_age > 0 then call('PEXPIRE', current, max_age) end
if concerns == '1' then call('XADD', outbox, '*', 'room', room, 'id', id, 'was', rights.other or 0) end

-- The index has a room under who spoke first in it, so that a list can give
-- everybody's rooms their turn. It is told of a room once a second. Creators
-- finds one user's rooms by their name; over so many, the one that was silent
-- longest leaves the index.
--
-- Where rooms forget with time, one that is silent for long after it is empty is
-- forgotten as a whole, unless somebody set more of it than its title.
if by_server or rights.access and rights.access ~= 'open' then -- only open rooms are listed
  if indexed or not creator then
    creator = creator or user
    call('ZREM', rooms, creator .. ' ' .. room)
    call('ZREM', creators, creator .. ' ' .. room)
    call('HDEL', meta, 'indexed')
  end
  call('HSET', meta, 'last', id, 'bytes', total, 'creator', creator)
  call('PERSIST', meta)
elseif told then
  call('HSET', meta, 'last', id, 'bytes', total)
else
  creator = creator or user
  call('HSET', meta, 'last', id, 'bytes', total, 'creator', creator, 'indexed', string.format('%d', clock))
  local entry = creator .. ' ' .. room
  if call('ZADD', rooms, ms(id), entry) == 1 then
    call('ZADD', creators, 0, entry)
    local theirs = call('ZRANGEBYLEX', creators, '[' .. creator .. ' ', '(' .. creator .. '!')
    if #theirs > max_created then
      local least, score
      for _, one in ipairs(theirs) do
        local spoken = tonumber(call('ZSCORE', rooms, one) or 0)
        if one ~= entry and (not score or spoken < score) then least, score = one, spoken end
      end
      call('ZREM', rooms, least)
      call('ZREM', creators, least)
    end
  end
  local passing = {last = true, bytes = true, dropped = true, shown = true, creator = true, indexed = true, title = true}
  local stays = server_age == 0
  for _, field in ipairs(call('HKEYS', meta)) do stays = stays or not passing[field] end
  if stays then call('PERSIST', meta) else call('PEXPIRE', meta, server_age + idle) end
  if server_age > 0 then
    local silent = string.format('%d', clock - server_age - idle)
    local gone = call('ZRANGEBYSCORE', rooms, '-inf', '(' .. silent, 'LIMIT', 0, 10)
    if #gone > 0 then
      call('ZREM', rooms, unpack(gone))
      call('ZREM', creators, unpack(gone))
    end
  end
end

-- What Redis would not publish is in the log all the same, where readers find
-- it: to fail now would be to refuse a post that is kept.
if publish then
  local sent = redis.pcall('PUBLISH', channel, id .. ' ' .. last .. ' ' .. at .. ' ' .. event)
  if type(sent) == 'table' and sent.err then return {'unpublished', id, last, at, sent.err} end
end
return {'ok', id, last, at}
