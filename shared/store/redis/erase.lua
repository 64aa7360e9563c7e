-- Make a room's log anew without what was taken out of it, a page at a time. A
-- stream marks an entry as deleted, no more: its bytes stay in memory, and in
-- what Redis saves, until all entries beside it are gone too. So what is left is
-- copied, and when all of it is, the copy becomes the log. Ids stay as they are.
--
-- An append that comes in between goes to the log, and to the copy with a later
-- page. What it takes out it takes out of both, and writes down that all this has
-- to be done once more. Whoever runs the script, and however many do: where to go
-- on is told by the copy. The names of keys and arguments are bound in front of
-- this source, see eraseScript in erase.go:
--
--   log copy meta edits      keys of the room
--   erasing                  the rooms of the bucket that are to be erased in
--   room
--   since                    what erasing had of the room before the copy was begun
--   begin                    '1': copy from the beginning
--   page                     entries to copy, at most
--   life                     ms that a copy is kept with which nobody goes on
--
-- Answers 1 if there is more to copy, 0 if the log was replaced.
local call = redis.call

local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function later(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams > bms or (ams == bms and aseq > bseq)
end

local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end

-- text_in returns where the text of an event's JSON is, without its quotes.
-- Nothing but the field begins like that: within a string, a backslash is before
-- every quote.
local function text_in(event)
  local _, quote = string.find(event, ',"text":"', 1, true)
  local at = quote and quote + 1
  while at do
    local found = string.find(event, '["\\]', at)
    if found and string.sub(event, found, found) == '"' then return quote + 1, found - 1 end
    at = found and found + 2
  end
end

-- reads is an event with the text of its last edit. What another program wrote
-- in another form stays as it is.
local function reads(event, edit)
  local from, to = text_in(event)
  local edit_from, edit_to = text_in(edit)
  if not from or not edit_from then return event end
  return string.sub(event, 1, from - 1) .. string.sub(edit, edit_from, edit_to) .. string.sub(event, to + 1)
end

-- edited returns the JSON of the last edit of each of the entries that has one,
-- by its id.
local function edited(entries)
  local last, found = {}, {}
  if #entries == 0 then return found end
  for _, edit in ipairs(call('ZRANGEBYSCORE', edits, (parts(entries[1][1])), (parts(entries[#entries][1])))) do
    local of, by = string.match(edit, '^(%S+) (%S+)$')
    if not last[of] or later(by, last[of]) then last[of] = by end
  end
  for _, entry in ipairs(entries) do
    local by = last[entry[1]]
    local edit = by and call('XRANGE', log, by, by)[1]
    if edit then found[entry[1]] = field(edit, 'event') end
  end
  return found
end

if begin == '1' then call('DEL', copy) end
local newest = call('XREVRANGE', copy, '+', '-', 'COUNT', 1)[1]
local sum = newest and tonumber(field(newest, 'sum')) or 0
local entries = call('XRANGE', log, newest and '(' .. newest[1] or '-', '+', 'COUNT', page)
local edits_of = edited(entries)
for _, entry in ipairs(entries) do
  local id, fields, event = entry[1], {}, field(entry, 'event') or ''
  if edits_of[id] then event = reads(event, edits_of[id]) end
  sum = sum + #event
  for i = 1, #entry[2], 2 do
    local name, value = entry[2][i], entry[2][i + 1]
    if name == 'event' then
      fields[#fields + 1] = 'sum'
      fields[#fields + 1] = string.format('%d', sum)
      value = event
    end
    if name ~= 'sum' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  call('XADD', copy, id, unpack(fields))
end
call('PEXPIRE', copy, life)
if #entries == tonumber(page) then return 1 end

-- Meanwhile the first entries may have been trimmed off.
local head = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
if head then
  call('XTRIM', copy, 'MINID', head[1])
  local left = call('PTTL', log)
  call('UNLINK', log)
  call('RENAME', copy, log)
  if left >= 0 then call('PEXPIRE', log, math.max(left, 1)) else call('PERSIST', log) end
  if call('EXISTS', meta) == 1 then call('HSET', meta, 'bytes', string.format('%d', sum), 'dropped', 0) end
else -- all that was in it is gone, with its bytes
  call('DEL', copy)
end
if call('HGET', erasing, room) == since then call('HDEL', erasing, room) end
return 0
