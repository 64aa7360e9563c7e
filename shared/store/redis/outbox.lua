-- Hand out what has to be told outside of a bucket's rooms: first what somebody
-- has had for too long, then what nobody has had yet. All servers are one consumer,
-- so that none that is gone is left behind in the group.
--
--   outbox      key
--   n life      tasks at most; ms after which one is handed out again
--
-- Answers a list of {receipt, room, id, was}.
local call = redis.call
if call('EXISTS', outbox) == 0 then return {} end
if #call('XINFO', 'GROUPS', outbox) == 0 then call('XGROUP', 'CREATE', outbox, 'servers', '0') end

local tasks = {}
local function add(entries)
  for _, entry in ipairs(entries) do
    if entry and entry[2] then -- Redis 6.2 names those that are gone
      local has = {}
      for i = 1, #entry[2], 2 do has[entry[2][i]] = entry[2][i + 1] end
      tasks[#tasks + 1] = {entry[1], has.room, has.id, has.was}
    end
  end
end
add(call('XAUTOCLAIM', outbox, 'servers', 'server', life, '0-0', 'COUNT', n)[2])
if #tasks < tonumber(n) then
  local new = call('XREADGROUP', 'GROUP', 'servers', 'server', 'COUNT', n - #tasks, 'STREAMS', outbox, '>')
  if new then add(new[1][2]) end
end
return tasks
