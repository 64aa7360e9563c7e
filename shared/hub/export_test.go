package hub

import "time"

// Tidy is what the janitor does every few seconds.
func (h *Hub) Tidy() { h.dropIdle(time.Time{}) }
