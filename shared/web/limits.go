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
	n  map[string]int
}

// take counts one more for who and reports true, unless that is over limit;
// no limit is 0.
func (g *gauge) take(who string, limit int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if limit > 0 && g.n[who] >= limit {
		return false
	}
	if g.n == nil {
		g.n = map[string]int{}
	}
	g.n[who]++
	return true
}

func (g *gauge) give(who string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n[who]--; g.n[who] <= 0 {
		delete(g.n, who)
	}
}

// admit counts a stream for its user and its address. What it returns takes
// that back, and must be called once; it does not block.
func (s *Server) admit(r *http.Request, user chat.User) (leave func(), err error) {
	addr := s.client(r).String()
	if !s.byAddress.take(addr, s.cfg.StreamsPerAddress) {
		return nil, tooManyStreams("your address", s.cfg.StreamsPerAddress)
	}
	if user.ID == "" {
		return func() { s.byAddress.give(addr) }, nil
	}
	if !s.byUser.take(user.ID, s.cfg.StreamsPerUser) {
		s.byAddress.give(addr)
		return nil, tooManyStreams("you", s.cfg.StreamsPerUser)
	}
	return func() {
		s.byAddress.give(addr)
		s.byUser.give(user.ID)
	}, nil
}

func tooManyStreams(who string, limit int) error {
	return &chat.RetryError{
		Err:   fmt.Errorf("%w streams: %s may hold %d at once, close another", chat.ErrTooMany, who, limit),
		After: 5 * time.Second,
	}
}
