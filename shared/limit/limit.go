// Package limit bounds what each of many strangers may hold and do on this
// server. It knows neither who they are nor what they ask for: a key is a user
// id, an address, or both.
//
// Limits that all servers share are the store's: they are counted in Redis.
package limit

import (
	"maps"
	"slices"
	"sync"
)

// A Concurrency counts what each key holds at once. The zero value is ready,
// and its methods are safe for concurrent use.
type Concurrency struct {
	mu    sync.Mutex
	slots map[string]*Slot
}

// A Slot is what one key holds. It is kept while that is more than nothing, and
// all who hold it share one.
type Slot struct {
	of  *Concurrency
	key string
	n   int // guarded by Concurrency.mu
}

// Acquire counts one more for a key. It reports false if the key holds as many
// as the limit already; 0 is no limit. The slot must be released once.
func (c *Concurrency) Acquire(key string, limit int) (*Slot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slot := c.slots[key]
	if slot == nil {
		slot = &Slot{of: c, key: key}
	}
	if limit > 0 && slot.n >= limit {
		return nil, false
	}
	if c.slots == nil {
		c.slots = map[string]*Slot{}
	}
	c.slots[key] = slot
	slot.n++
	return slot, true
}

// Is reports whether the slot is that of a key.
func (s *Slot) Is(key string) bool { return s.key == key }

// Release takes back one Acquire.
func (s *Slot) Release() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.n--; s.n == 0 {
		delete(s.of.slots, s.key)
	}
}

// Holds reports whether a key holds anything.
func (c *Concurrency) Holds(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slots[key] != nil
}

// Keys are those that hold something.
func (c *Concurrency) Keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.slots))
}
