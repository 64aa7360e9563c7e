package hub

import (
	"errors"
	"sync/atomic"
	"time"

	"confab/shared/chat"
)

// An EndReason is why a reader's connection ended.
type EndReason int

const (
	Left       EndReason = iota // the other side closed
	Stalled                     // it took nothing for StallLimit
	Lagged                      // it fell off the ring
	Ended                       // its time had come
	Shutdown                    // the hub closed
	Revoked                     // the right to read it was lost, or has to be looked at again
	endReasons                  // how many there are
)

func (c EndReason) String() string {
	return [endReasons]string{"left", "stalled", "lagged", "ended", "shutdown", "revoked"}[c]
}

// Stats counts what there is now, and what was since the hub began.
type Stats struct {
	Rooms, Audiences int
	Adopted          int // readers without a goroutine
	Waiting          int // readers with one
	Events, Sweeps   uint64
	Ends             map[EndReason]uint64
	Lag              Lag
}

// LagBounds are the upper bounds of the buckets of a Lag but the last, which
// has none.
var LagBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A Lag says how old events were, by their ids, when they arrived here. It is
// as accurate as the clocks of Redis and of this machine agree.
type Lag struct {
	Buckets [len(LagBounds) + 1]uint64
	Sum     time.Duration
}

// counters are written once an event or once a reader, never once a delivery.
type counters struct {
	waiting atomic.Int64
	adopted atomic.Int64
	ends    [endReasons]atomic.Uint64
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

// endReasonOf is why a reader with a goroutine ended, by its last error. Only its
// caller knows that it stalled or had its time, and says so by SetEndReason.
func endReasonOf(err error) EndReason {
	switch {
	case errors.Is(err, ErrLagged):
		return Lagged
	case errors.Is(err, ErrClosed):
		return Shutdown
	}
	if _, ok := errors.AsType[Loss](err); ok {
		return Revoked
	}
	return Left
}

// Stats returns the hub's counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	s := Stats{Rooms: len(h.rooms), Audiences: len(h.audiences)}
	h.mu.Unlock()
	s.Adopted, s.Waiting = int(h.count.adopted.Load()), int(h.count.waiting.Load())
	s.Sweeps = h.poller.sweeps()
	s.Ends = map[EndReason]uint64{}
	for c := range endReasons {
		s.Ends[c] = h.count.ends[c].Load()
	}
	for i := range h.count.lag {
		s.Lag.Buckets[i] = h.count.lag[i].Load()
		s.Events += s.Lag.Buckets[i]
	}
	s.Lag.Sum = time.Duration(h.count.lagSum.Load())
	return s
}
