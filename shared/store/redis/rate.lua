-- rate counts n more of what the key stands for and returns 0, or the µs to
-- wait when that would be too many: one an interval of µs, so many at once.
-- This is GCRA: the key holds the theoretical arrival time (tat), at which the
-- next one would come if all came at the steady rate. A tat later than a full
-- burst allows was written before the clock was set back, and is dropped.
local function rate(key, now, interval, burst, n)
  local full, cost = interval * burst, interval * n
  local tat = math.max(tonumber(redis.call('GET', key) or '0'), now)
  if tat > now + full then tat = now end
  if tat + cost > now + full then return tat + cost - now - full end
  redis.call('SET', key, string.format('%d', tat + cost), 'PX', math.ceil((tat + cost - now) / 1000))
  return 0
end
