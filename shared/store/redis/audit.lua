-- note_audit keeps an event by which somebody changed a room, or what others said
-- in it, among those of all rooms of the bucket. The constants are:
--
--   audits              always; else only of what is another user's
--   max_audit max_age   kept, about; age in ms, 0: all
--
-- An entry has the event's id, unless that of another room was later.
function note_audit(overruled, last, id, at, clock)
  if not audits and not overruled then return end
  local added = redis.pcall('XADD', audit, 'MAXLEN', '~', max_audit, id, 'id', id, 'prev', last, 'at', at, 'event', event)
  if type(added) == 'table' and added.err then
    redis.call('XADD', audit, 'MAXLEN', '~', max_audit, '*', 'id', id, 'prev', last, 'at', at, 'event', event)
  end
  if max_age > 0 then
    redis.call('XTRIM', audit, 'MINID', string.format('%d-0', math.max(0, clock - max_age)))
    redis.call('PEXPIRE', audit, max_age)
  end
end
