package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
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

// open begins to read rooms after a cursor, for any transport: it knows who
// asks, holds them to their limits, and lets the others in the rooms know.
// Leave takes all that is counted back, but not the reader; it must be called
// once and does not block.
func (s *Server) open(r *http.Request, rooms []chat.RoomID, cursor string) (reader *hub.Reader, leave func(), err error) {
	user, err := s.reader(r)
	if err != nil {
		return nil, nil, err
	}
	leave, err = s.admit(r, user, rooms)
	if err != nil {
		return nil, nil, err
	}
	reader, err = s.cfg.Hub.Read(r.Context(), rooms, cursor)
	if err != nil {
		leave()
		return nil, nil, err
	}
	return reader, leave, nil
}

// admit counts a stream for its user and its address, and as a visit.
func (s *Server) admit(r *http.Request, user chat.User, rooms []chat.RoomID) (leave func(), err error) {
	addr, ok := s.byAddress.take(s.client(r).String(), s.cfg.StreamsPerAddress)
	if !ok {
		return nil, tooManyStreams("your address", s.cfg.StreamsPerAddress)
	}
	if user.ID == "" {
		v := s.presence.arrive(user, rooms)
		return func() {
			s.byAddress.give(addr)
			s.presence.leave(v)
		}, nil
	}
	who, ok := s.byUser.take(user.ID, s.cfg.StreamsPerUser)
	if !ok {
		s.byAddress.give(addr)
		return nil, tooManyStreams("you", s.cfg.StreamsPerUser)
	}
	v := s.presence.arrive(user, rooms)
	return func() { // held by every stream: three pointers and no string
		s.byAddress.give(addr)
		s.byUser.give(who)
		s.presence.leave(v)
	}, nil
}

func tooManyStreams(who string, limit int) error {
	return &chat.RetryError{
		Err:   fmt.Errorf("%w streams: %s may hold %d at once, close another", chat.ErrTooMany, who, limit),
		After: 5 * time.Second,
	}
}
