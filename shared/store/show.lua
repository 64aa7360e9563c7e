-- Show events that replicas have: ring the bell for everything after what was
-- shown before, up to an id. Whoever missed one of more than a page sees the
-- gap by prev.
--
-- KEYS  1 log  2 meta
-- ARGV  1 channel  2 id  3 most events to ring for
local call = redis.call
local shown = call('HGET', KEYS[2], 'shown') or '0-0'
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local ms, seq = parts(ARGV[2])
local oldms, oldseq = parts(shown)
if ms < oldms or (ms == oldms and seq <= oldseq) then return 0 end
local entries = call('XREVRANGE', KEYS[1], ARGV[2], '(' .. shown, 'COUNT', ARGV[3])
for i = #entries, 1, -1 do
  local f = entries[i][2]
  call('PUBLISH', ARGV[1], entries[i][1] .. ' ' .. f[2] .. ' ' .. f[8])
end
call('HSET', KEYS[2], 'shown', ARGV[2])
return #entries
