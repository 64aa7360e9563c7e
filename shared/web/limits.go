package web

import (
	"fmt"
	"net/http"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

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

// admit counts a stream for its user and its address, and as present in rooms.
func (s *Server) admit(r *http.Request, user chat.User, rooms []chat.RoomID) (leave func(), err error) {
	address, ok := s.byAddress.Acquire(s.client(r).String(), s.cfg.StreamsPerAddress)
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
