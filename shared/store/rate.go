package store

import (
	"math"
	"time"
)

// A Rate is how often something may be done: so often a second in the long
// run, and so often at once. 0 in either lifts the limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// A Day is the rate of so many a day, all of which may be at once.
func Day(n int) Rate { return Rate{PerSecond: float64(n) / (24 * 60 * 60), Burst: n} }

// Interval is the time between two, in whole microseconds, 0 for no limit.
func (r Rate) Interval() time.Duration {
	if r.PerSecond <= 0 || r.Burst <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(1e6/r.PerSecond)) * time.Microsecond
}

// A Counter counts against a rate in memory, as redis/rate.lua does in Redis:
// it is the theoretical arrival time (GCRA) of the next one. The zero Counter
// has counted nothing. A Go clock is not set back: it is monotonic.
type Counter struct{ tat time.Time }

// Take counts n more and returns 0, or the time to wait when that would be too
// many.
func (c *Counter) Take(now time.Time, n int, r Rate) (wait time.Duration) {
	interval := r.Interval()
	cost, full := interval*time.Duration(n), interval*time.Duration(r.Burst)
	if c.tat.Before(now) {
		c.tat = now
	}
	if wait := c.tat.Add(cost).Sub(now) - full; wait > 0 {
		return wait
	}
	c.tat = c.tat.Add(cost)
	return 0
}

// Spend counts n that were done already, even if they are too many, and returns
// the time to wait then.
func (c *Counter) Spend(now time.Time, n int, r Rate) (wait time.Duration) {
	full := r.Interval() * time.Duration(r.Burst)
	if c.tat.Before(now) {
		c.tat = now
	}
	c.tat = c.tat.Add(r.Interval() * time.Duration(n))
	return max(0, c.tat.Sub(now)-full)
}

// Idle reports whether nothing of what was counted matters any more.
func (c *Counter) Idle(now time.Time) bool { return !c.tat.After(now) }
