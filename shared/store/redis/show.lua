-- Show events that replicas have: publish everything after what was shown
-- before, up to an id. A follower that misses one of more than a page sees the
-- gap by prev. The names of keys and arguments are bound in front of this
-- source, see showScript in replication.go:
--
--   log meta         keys of the room
--   channel          to publish on
--   upto             the last id that replicas have
--   page             the most events to publish
local call = redis.call
local shown = call('HGET', meta, 'shown') or '0-0'
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local ms, seq = parts(upto)
local oldms, oldseq = parts(shown)
if ms < oldms or (ms == oldms and seq <= oldseq) then return 0 end
local entries = call('XREVRANGE', log, upto, '(' .. shown, 'COUNT', page)
for i = #entries, 1, -1 do
  local id, fields, has = entries[i][1], entries[i][2], {}
  for k = 1, #fields, 2 do has[fields[k]] = fields[k + 1] end
  call('PUBLISH', channel, id .. ' ' .. has.prev .. ' ' .. has.at .. ' ' .. has.event)
end
call('HSET', meta, 'shown', upto)
return #entries
