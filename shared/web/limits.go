package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"confab/shared/chat"
)

// A gauge counts what each of many holds at once.
type gauge struct {
	mu sync.Mutex
	n  map[string]*count
}

// A count is what one of them holds. It is in the gauge while that is more
// than nothing.
type count struct {
	who string
	n   int // guarded by gauge.mu
}

// take counts one more for who, unless that is over limit; no limit is 0. What
// it returns is for give.
func (g *gauge) take(who string, limit int) (*count, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.n[who]
	if c == nil {
		c = &count{who: who}
		if g.n == nil {
			g.n = map[string]*count{}
		}
		g.n[who] = c
	}
	if limit > 0 && c.n >= limit {
		return nil, false
	}
	c.n++
	return c, true
}

func (g *gauge) give(c *count) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.n--; c.n == 0 {
		delete(g.n, c.who)
	}
}

// admit counts a stream for its user and its address. What it returns takes
// that back, and must be called once; it does not block.
func (s *Server) admit(r *http.Request, user chat.User) (leave func(), err error) {
	addr, ok := s.byAddress.take(s.client(r).String(), s.cfg.StreamsPerAddress)
	if !ok {
		return nil, tooManyStreams("your address", s.cfg.StreamsPerAddress)
	}
	if user.ID == "" {
		return func() { s.byAddress.give(addr) }, nil
	}
	who, ok := s.byUser.take(user.ID, s.cfg.StreamsPerUser)
	if !ok {
		s.byAddress.give(addr)
		return nil, tooManyStreams("you", s.cfg.StreamsPerUser)
	}
	return func() { // held by every stream: two counts and no string
		s.byAddress.give(addr)
		s.byUser.give(who)
	}, nil
}

func tooManyStreams(who string, limit int) error {
	return &chat.RetryError{
		Err:   fmt.Errorf("%w streams: %s may hold %d at once, close another", chat.ErrTooMany, who, limit),
		After: 5 * time.Second,
	}
}
