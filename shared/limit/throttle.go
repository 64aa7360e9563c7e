package limit

import (
	"maps"
	"sync"
	"time"
)

// A Throttle lets each of many do something once in a while. The zero value is
// ready, and its methods are safe for concurrent use.
type Throttle struct {
	// Pause is the time between two turns of the same key.
	Pause time.Duration

	mu   sync.Mutex
	last map[string]time.Time
}

// sweepAbove is how many keys are kept before those whose turn is due anyway
// are dropped.
const sweepAbove = 1000

// Allow reports whether it is the key's turn, and takes the turn if it is.
func (t *Throttle) Allow(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last[key]) < t.Pause {
		return false
	}
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	if len(t.last) > sweepAbove {
		maps.DeleteFunc(t.last, func(_ string, at time.Time) bool { return now.Sub(at) >= t.Pause })
	}
	t.last[key] = now
	return true
}

// Return gives back a turn that came to nothing.
func (t *Throttle) Return(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, key)
}
