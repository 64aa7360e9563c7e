package redis

import (
	"sync"
	"time"

	"confab/shared/store"
)

const (
	maxCounters     = 10_000 // a flood by more of them empties all
	batchesPerBurst = 16
)

// LocalCounters hold what this server has counted and Redis does not know yet.
type localCounters struct {
	mu  sync.Mutex // guards what follows, and what is in it
	all map[string]*localCounter
}

type localCounter struct {
	count     int           // not reported yet
	reporting bool          // a batch is under way
	until     time.Time     // refused before it
	alone     store.Counter // while Redis does not answer
}

// add counts one, unless it has to wait. It returns the batch that is to be
// reported to Redis, if there is one.
func (cs *localCounters) add(key string, now time.Time, r store.Rate) (wait time.Duration, c *localCounter, batch int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c = cs.all[key]; c == nil {
		if len(cs.all) >= maxCounters || cs.all == nil {
			cs.all = map[string]*localCounter{}
		}
		c = new(localCounter)
		cs.all[key] = c
	}
	if wait := c.until.Sub(now); wait > 0 {
		return max(time.Microsecond, wait), c, 0
	}
	c.count++
	if c.reporting || c.count < max(1, r.Burst/batchesPerBurst) {
		return 0, c, 0
	}
	batch, c.count, c.reporting = c.count, 0, true
	return 0, c, batch
}

// reported takes Redis's answer to a batch: the time to wait, or an error.
func (cs *localCounters) reported(c *localCounter, now time.Time, wait time.Duration, err error, batch int, r store.Rate) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if err != nil {
		wait = c.alone.Spend(now, batch, r)
	}
	c.reporting = false
	if wait > 0 { // or a post that came a moment before now would be refused
		c.until = now.Add(wait)
	}
}
