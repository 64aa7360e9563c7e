package web

import (
	"fmt"
	"net/http"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// A subscription is a reader of rooms with all that is counted for it: a stream
// of its user and address, and their presence. It must be closed, or its reader
// given to the hub with leave.
type subscription struct {
	*hub.Reader
	leave func() // takes back what was counted; does not block
}

func (s *subscription) Close() {
	s.Reader.Close()
	s.leave()
}

// open begins to read rooms after a cursor, for any transport: it tells who
// asks, holds them to their limits, and lets the others in the rooms know.
func (s *Server) open(r *http.Request, rooms []chat.RoomID, cursor string) (*subscription, error) {
	v, err := s.reader(r, rooms...)
	if err != nil {
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
	return &subscription{reader, leave}, nil
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
