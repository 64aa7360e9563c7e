-- rate counts n more of what the key stands for and returns 0, or the µs to
-- wait when that is too many: one an interval of µs, so many at once. What is
-- too many does not count, unless it has been done already (spent): then what
-- comes next pays for it. This is GCRA: the key holds the theoretical arrival
-- time (tat), at which the next one would come if all came at the steady rate. A
-- tat later than that allows was written before the clock was set back, and is
-- dropped. Found is what the key holds, where that was read already.
local function rate(key, now, interval, burst, n, spent, found)
  local full, cost = interval * burst, interval * n
  local latest = now + (spent and 2 * full or full)
  if found == nil then found = redis.call('GET', key) end
  local tat = math.max(tonumber(found or '0'), now)
  if tat > latest then tat = now end
  local wait = math.max(0, tat + cost - now - full)
  if wait > 0 and not spent then return wait end
  tat = math.min(tat + cost, latest)
  redis.call('SET', key, string.format('%d', tat), 'PX', math.ceil((tat - now) / 1000))
  return wait
end
