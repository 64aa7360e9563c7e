package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// A subscription is a reader of rooms with all that is counted for it: a stream
// of its user and address, and their presence. It must be closed, or its reader
// given to the hub with leave.
type subscription struct {
	*hub.Reader
	ping  time.Duration // a stream pings when nothing else was sent for so long
	leave func()        // takes back what was counted; does not block
}

// opening is the signal that a stream begins with.
func (s *subscription) opening() chat.Signal {
	open := s.Open()
	open.Ping = int(s.ping.Seconds())
	return open
}

func (s *subscription) Close() {
	s.Reader.Close()
	s.leave()
}

// open begins to read rooms after a cursor, for any transport: it finds out who
// asks, applies their limits, and lets the others in the rooms know.
func (s *Server) open(r *http.Request, rooms []chat.RoomID, cursor string) (*subscription, error) {
	v, err := s.reader(r, rooms...)
	if err != nil {
		return nil, err
	}
	ping, err := s.pingOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if err := s.checkForeign(r); err != nil {
		return nil, err
	}
	leave, err := s.admit(r, v.user, rooms)
	if err != nil {
		return nil, err
	}
	reader, err := v.follow(r.Context(), rooms, cursor)
	if err != nil {
		leave()
		return nil, err
	}
	return &subscription{reader, ping, leave}, nil
}

// How often a stream may ping, in seconds.
const MinPing, MaxPing = 5, 60

// pingOf is how often a stream pings: as often as the request wants, or else as
// the server does.
func (s *Server) pingOf(q url.Values) (time.Duration, error) {
	if !q.Has("ping") {
		return cmp.Or(s.cfg.Ping, hub.PingEvery), nil
	}
	n, err := strconv.Atoi(q.Get("ping"))
	if err != nil || n < MinPing || n > MaxPing {
		return 0, fmt.Errorf("%w: ping is a number of seconds from %d to %d", errMalformed, MinPing, MaxPing)
	}
	return time.Duration(n) * time.Second, nil
}

// admit counts a stream for its user and its address, and as present in rooms.
func (s *Server) admit(r *http.Request, user chat.User, rooms []chat.RoomID) (leave func(), err error) {
	address, ok := s.byAddress.Acquire(s.network(r), s.cfg.StreamsPerAddress)
	if !ok {
		return nil, tooManyStreams("your address", s.cfg.StreamsPerAddress)
	}
	if user.ID == "" {
		present := s.presence.Join(user, rooms)
		return func() {
			address.Release()
			present.Leave()
		}, nil
	}
	own, ok := s.byUser.Acquire(user.ID, s.cfg.StreamsPerUser)
	if !ok {
		address.Release()
		return nil, tooManyStreams("you", s.cfg.StreamsPerUser)
	}
	present := s.presence.Join(user, rooms)
	return func() { // held by every stream: three pointers and no string
		address.Release()
		own.Release()
		present.Leave()
	}, nil
}

func tooManyStreams(who string, limit int) error {
	return &chat.RetryError{
		Err:   fmt.Errorf("%w streams: %s may hold %d at once, close another", chat.ErrTooMany, who, limit),
		After: 5 * time.Second,
	}
}
