package hub

import (
	"errors"
	"sync/atomic"
	"time"

	"confab/shared/chat"
)

// A Cut is why a reader's connection ended.
type Cut int

const (
	Left     Cut = iota // the other side went
	Stalled             // it took nothing for StallLimit
	Lagged              // it fell off the ring
	Ended               // its time had come
	Shutdown            // the hub closed
	cuts
)

func (c Cut) String() string {
	return [cuts]string{"left", "stalled", "lagged", "ended", "shutdown"}[c]
}

// Stats is how the hub does: what there is now, and what was since it began.
type Stats struct {
	Rooms, Audiences int
	Taken            int // readers without a goroutine
	Waiting          int // readers with one
	Events, Sweeps   uint64
	Cuts             map[Cut]uint64
	Lag              Lag
}

// LagBounds are the upper bounds of the buckets of a Lag but the last, which
// has none.
var LagBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A Lag says how old events were, by their ids, when they were handed over
// here. It is as good as the clocks of Redis and of this machine agree.
type Lag struct {
	Buckets [len(LagBounds) + 1]uint64
	Sum     time.Duration
}

// counters are written once an event or once a reader, never once a delivery.
type counters struct {
	waiting atomic.Int64
	taken   atomic.Int64
	cuts    [cuts]atomic.Uint64
	lag     [len(LagBounds) + 1]atomic.Uint64
	lagSum  atomic.Int64
}

func (c *counters) event(id chat.ID) {
	lag := max(0, time.Since(id.Time()))
	i := 0
	for i < len(LagBounds) && lag > LagBounds[i] {
		i++
	}
	c.lag[i].Add(1)
	c.lagSum.Add(int64(lag))
}

// cutOf is why a reader with a goroutine ended, by its last error. That it
// stalled or had its time only who writes for it knows, and tells by EndFor.
func cutOf(err error) Cut {
	switch {
	case errors.Is(err, ErrLagged):
		return Lagged
	case errors.Is(err, ErrClosed):
		return Shutdown
	}
	return Left
}

// Stats tells how the hub does.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	s := Stats{Rooms: len(h.rooms), Audiences: len(h.audiences)}
	h.mu.Unlock()
	s.Taken, s.Waiting = int(h.count.taken.Load()), int(h.count.waiting.Load())
	s.Sweeps = h.seats.sweeps()
	s.Cuts = map[Cut]uint64{}
	for c := range cuts {
		s.Cuts[c] = h.count.cuts[c].Load()
	}
	for i := range h.count.lag {
		s.Lag.Buckets[i] = h.count.lag[i].Load()
		s.Events += s.Lag.Buckets[i]
	}
	s.Lag.Sum = time.Duration(h.count.lagSum.Load())
	return s
}
