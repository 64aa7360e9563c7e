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
	ping   time.Duration // a stream pings when nothing else was sent for so long
	holder hub.Holder    // takes back what was counted
	inbox  chat.ID       // of the last notice for its user, as far as that is known
}

// opening is the signal that a stream begins with.
func (s *subscription) opening() chat.Signal {
	open := s.Open()
	open.Ping, open.Inbox = int(s.ping.Seconds()), s.inbox
	return open
}

func (s *subscription) Close() {
	s.Reader.Close()
	s.holder("")
}

// open begins to read rooms after a cursor, for any transport: it finds out who
// asks, applies their limits, and lets the others in the rooms know.
func (s *Server) open(r *http.Request, rooms []chat.RoomID, cursor string) (*subscription, error) {
	v, err := s.visitor(r)
	if err == nil {
		err = v.mayOpen(rooms...)
	}
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
	holder, err := s.admit(r, v.user, rooms)
	if err != nil {
		return nil, err
	}
	if v.user.ID != "" {
		s.users.follow()
	}
	reader, err := v.follow(r.Context(), rooms, cursor)
	if err != nil {
		holder("")
		return nil, err
	}
	if v.user.ID != "" { // once more: the streams that there were have been looked at
		if _, err := s.user(r); err != nil {
			reader.Close()
			holder("")
			return nil, err
		}
	}
	return &subscription{reader, ping, holder, v.lastNotice(r.Context())}, nil
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
func (s *Server) admit(r *http.Request, user chat.User, rooms []chat.RoomID) (hub.Holder, error) {
	address, ok := s.byAddress.Acquire(s.network(r), s.cfg.StreamsPerAddress)
	if !ok {
		return nil, tooManyStreams("your address", s.cfg.StreamsPerAddress)
	}
	if user.ID == "" {
		present := s.presence.Join(user, rooms)
		return func(user string) bool {
			if user == "" {
				address.Release()
				present.Leave()
			}
			return false
		}, nil
	}
	_, of, err := s.cfg.Users.Session(r, s.secure(r))
	if err != nil {
		address.Release()
		return nil, err
	}
	own, ok := s.byUser.Acquire(user.ID, s.cfg.StreamsPerUser)
	if !ok {
		address.Release()
		return nil, tooManyStreams("you", s.cfg.StreamsPerUser)
	}
	present := s.presence.Join(user, rooms)
	signedIn := s.signedIn.stream(user.ID, of)
	return func(user string) bool { // held by every stream: four pointers and no string
		if user != "" {
			return own.Is(user)
		}
		address.Release()
		own.Release()
		present.Leave()
		signedIn.leave()
		return false
	}, nil
}

func tooManyStreams(who string, limit int) error {
	return &chat.RetryError{
		Err:   fmt.Errorf("%w streams: %s may hold %d at once, close another", chat.ErrTooMany, who, limit),
		After: 5 * time.Second,
	}
}
