-- rate counts n more of what the key stands for and returns 0, or the µs to
-- wait when that would be too many: one an interval of µs, so many at once.
-- (GCRA: the key holds when everything that was counted will have been paid
-- for. A time that is later than can be was written before the clock was set
-- back.)
local function rate(key, now, interval, burst, n)
  local full, cost = interval * burst, interval * n
  local paid = math.max(tonumber(redis.call('GET', key) or '0'), now)
  if paid > now + full then paid = now end
  if paid + cost > now + full then return paid + cost - now - full end
  redis.call('SET', key, string.format('%d', paid + cost), 'PX', math.ceil((paid + cost - now) / 1000))
  return 0
end
