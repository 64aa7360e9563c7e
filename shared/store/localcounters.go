package store

import (
	"sync"
	"time"
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
	count     int       // not reported yet
	reporting bool      // a batch is under way
	until     time.Time // refused before it
	tat       time.Time // as in rate.lua, while Redis does not answer
}

// add counts one, unless it has to wait. It returns the batch that is to be
// reported to Redis, if there is one.
func (cs *localCounters) add(key string, now time.Time, r Rate) (us int64, c *localCounter, batch int) {
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
		return max(1, wait.Microseconds()), c, 0
	}
	c.count++
	if c.reporting || c.count < max(1, r.Burst/batchesPerBurst) {
		return 0, c, 0
	}
	batch, c.count, c.reporting = c.count, 0, true
	return 0, c, batch
}

// reported takes Redis's answer to a batch: the µs to wait, or an error.
func (cs *localCounters) reported(c *localCounter, now time.Time, us int64, err error, batch int, r Rate) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if err != nil {
		us = c.charge(now, batch, r)
	}
	c.reporting = false
	if us > 0 { // or a post that came a moment before now would be refused
		c.until = now.Add(time.Duration(us) * time.Microsecond)
	}
}

// charge is rate.lua's rate. The clock here is not set back: it is monotonic.
func (c *localCounter) charge(now time.Time, n int, r Rate) (us int64) {
	interval := time.Duration(r.interval()) * time.Microsecond
	cost, full := interval*time.Duration(n), interval*time.Duration(r.Burst)
	if c.tat.Before(now) {
		c.tat = now
	}
	if wait := c.tat.Add(cost).Sub(now) - full; wait > 0 {
		return wait.Microseconds()
	}
	c.tat = c.tat.Add(cost)
	return 0
}
