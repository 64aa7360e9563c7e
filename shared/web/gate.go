package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
)

// A gate is the only way from a request to the rooms. Before it reads or writes
// one, it asks package access whether the user may, with facts that come with
// what is read anyway.
//
// Decision: no handler holds the store or the hub, so that a new route cannot
// forget to ask. TestOnlyTheGateHoldsTheRooms keeps it so, and
// TestEveryRouteAsksForAccess walks the routes.
type gate struct {
	rooms      Rooms
	hub        *hub.Hub
	guestsRead bool // open rooms are read without a session
	operators  []string
	may        func(chat.User, access.Action, access.Facts) error
}

// A visitor is a user at the gate, or somebody without a session: the zero
// user.
type visitor struct {
	*gate
	user     chat.User
	operator bool            // an owner of every room
	ctx      context.Context // of the request, for as long as its facts are read

	// read are the rooms that the user was found to be allowed to read, so that
	// one request asks once for each.
	read map[chat.RoomID]bool
}

// visitor returns the user who sent a request. A session that is not good is
// refused even where guests read: a user who believes to be signed in must learn
// that they are not.
func (s *Server) visitor(r *http.Request) (visitor, error) {
	u, err := s.user(r)
	if err != nil && err != identity.ErrNone {
		return visitor{}, err
	}
	return visitor{s.gate, u, s.operates(r, u), withoutClientCancel(r).Context(), map[chat.RoomID]bool{}}, nil
}

// reader returns the user who wants to read, before anything else of the request
// is looked at.
func (s *Server) reader(r *http.Request, rooms ...chat.RoomID) (visitor, error) {
	v, err := s.visitor(r)
	if err == nil {
		err = v.mayRead(rooms...)
	}
	return v, err
}

// roomReader is reader for the room that the request's path names, as path reads
// it.
func (s *Server) roomReader(r *http.Request, path func(*http.Request) (chat.RoomID, error)) (v visitor, room chat.RoomID, err error) {
	if room, err = path(r); err == nil {
		v, err = s.reader(r, room)
	}
	return v, room, err
}

// writer returns the user who wants to write an event of a kind, before anything
// else of the request is looked at.
func (s *Server) writer(r *http.Request, kind chat.Kind) (visitor, error) {
	v, err := s.visitor(r)
	if err == nil {
		err = v.check(access.Write(kind))
	}
	return v, err
}

// check asks for each room whether the user may do that, and once where no room
// is named yet. What is written the store judges by the facts of that moment, and
// whose a target is it compares: facts are read for it only at addresses that the
// server made, because strangers must not learn whether such a room is there. To
// read, they are for all rooms but those of which the hub knows that they have no
// rules.
func (v visitor) check(do access.Action, rooms ...chat.RoomID) error {
	return v.checkUpTo(do, chat.ID{}, rooms...)
}

// checkUpTo is check that is good for what was said up to an event, of one room.
func (v visitor) checkUpTo(do access.Action, upTo chat.ID, rooms ...chat.RoomID) error {
	if !slices.ContainsFunc(rooms, func(room chat.RoomID) bool { return v.needsFacts(do, room, upTo) }) {
		return v.may(v.user, do, v.withServer(access.Facts{}))
	}
	facts, err := v.facts(rooms)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if err := v.may(v.user, do, f); err != nil {
			return err
		}
	}
	return nil
}

// needsFacts reports whether more than the session decides.
func (g *gate) needsFacts(do access.Action, room chat.RoomID, upTo chat.ID) bool {
	switch {
	case room.Hidden(), do == access.Moderate:
		return true
	case do.Writes():
		return false
	}
	return g.hub == nil || !g.hub.Unruled(room, upTo)
}

// mayRead is check for what a request reads in one piece.
func (v visitor) mayRead(rooms ...chat.RoomID) error {
	if len(rooms) == 1 && v.read[rooms[0]] {
		return nil
	}
	err := v.check(access.Read, rooms...)
	for _, room := range rooms {
		v.read[room] = err == nil
	}
	return err
}

// facts are what is known of a user in each room.
func (v visitor) facts(rooms []chat.RoomID) ([]access.Facts, error) {
	all, err := v.rooms.Facts(v.ctx, v.user.ID, rooms...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = v.withServer(all[i])
	}
	return all, nil
}

// withServer adds to the facts what the server says of all rooms.
func (v visitor) withServer(f access.Facts) access.Facts {
	f.GuestsRead = v.guestsRead
	if v.operator {
		f.Role = chat.Operator
	}
	return f
}

// mayAppend asks for an event. Who makes a room, or comes into one by an invite,
// does not belong to it yet: that the store judges alone.
func (v visitor) mayAppend(ev chat.Event) error {
	if ev.Set.Made || ev.Member.Invite != "" {
		return v.check(access.Write(ev.Kind))
	}
	return v.check(access.Write(ev.Kind), ev.Room)
}

// append writes an event down, see [Rooms].
func (v visitor) append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error) {
	if err := v.mayAppend(ev); err != nil {
		return chat.Line{}, false, err
	}
	ev.AsOperator = v.operator
	return v.rooms.Append(ctx, ev)
}

// since returns up to n events after an id, see [Rooms].
func (v visitor) since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	return v.events(room, func() ([]chat.Event, error) { return v.rooms.Since(ctx, room, after, n) })
}

// before returns the last n events before an id, see [Rooms].
func (v visitor) before(ctx context.Context, room chat.RoomID, id chat.ID, n int) ([]chat.Event, error) {
	return v.events(room, func() ([]chat.Event, error) { return v.rooms.Before(ctx, room, id, n) })
}

// events gives what is read of a room to whoever may read it when it has been
// read: what takes the right away comes after it in the log then.
func (v visitor) events(room chat.RoomID, read func() ([]chat.Event, error)) ([]chat.Event, error) {
	if err := v.mayRead(room); err != nil {
		return nil, err
	}
	evs, err := read()
	if err != nil || len(evs) == 0 {
		return nil, err
	}
	return evs, v.checkUpTo(access.Read, evs[len(evs)-1].ID, room)
}

// list returns what is known of the rooms named, or of those spoken in last.
func (v visitor) list(ctx context.Context, rooms ...chat.RoomID) ([]chat.Room, error) {
	if err := v.check(access.List, rooms...); err != nil {
		return nil, err
	}
	return v.rooms.Rooms(ctx, rooms...)
}

// room returns what is known of a room that is read.
func (v visitor) room(ctx context.Context, room chat.RoomID) (chat.Room, error) {
	if err := v.mayRead(room); err != nil {
		return chat.Room{}, err
	}
	rooms, err := v.rooms.Rooms(ctx, room)
	if err != nil {
		return chat.Room{}, err
	}
	return rooms[0], nil
}

// people returns who is in a room, by name.
func (v visitor) people(ctx context.Context, room chat.RoomID) ([]chat.User, error) {
	if err := v.mayRead(room); err != nil {
		return nil, err
	}
	return v.rooms.People(ctx, room)
}

// signal lets a signal of the user pass by, unless the user's name is another's
// now.
func (v visitor) signal(ctx context.Context, sig chat.Signal) error {
	if err := v.check(access.Signal); err != nil { // before the store is asked
		return err
	}
	if err := v.check(access.Signal, sig.Room); err != nil {
		return err
	}
	if err := v.named(ctx); err != nil {
		return err
	}
	return v.rooms.Signal(ctx, sig)
}

// named returns nil if nobody else has the user's name now.
func (v visitor) named(ctx context.Context) error {
	taken, err := v.rooms.Around(ctx, v.user)
	if err == nil && taken {
		return chat.ErrNameTaken
	}
	return err
}

// mayOpen is check for a stream, whose right is looked at when it has its reader:
// before that only where strangers must not learn whether the room is there.
func (v visitor) mayOpen(rooms ...chat.RoomID) error {
	if slices.ContainsFunc(rooms, chat.RoomID.Hidden) {
		return v.mayRead(rooms...)
	}
	return v.may(v.user, access.Read, access.Facts{GuestsRead: v.guestsRead})
}

// follow makes a reader of rooms from a cursor on, see [hub.Hub.Read].
func (v visitor) follow(ctx context.Context, rooms []chat.RoomID, cursor string) (*hub.Reader, error) {
	if err := v.mayOpen(rooms...); err != nil {
		return nil, err
	}
	reader, err := v.hub.Read(ctx, v.user.ID, rooms, cursor)
	if err != nil {
		return nil, err
	}
	// Now, and not before: what takes the right away ends the streams that there
	// are by then, and this one is among them from here on.
	if err := v.check(access.Read, rooms...); err != nil {
		reader.Close()
		return nil, err
	}
	return reader, nil
}

// noticeLimit is how long a stream waits to learn of the last notice for its user.
const noticeLimit = 250 * time.Millisecond

// lastNotice is the id of the last notice in the user's inbox. It is zero where
// there is none, and where the store does not say: a stream does not wait for it,
// and is told later.
func (v visitor) lastNotice(ctx context.Context) chat.ID {
	if v.user.ID == "" {
		return chat.ID{}
	}
	ctx, cancel := context.WithTimeout(ctx, noticeLimit)
	defer cancel()
	ids, err := v.rooms.Last(ctx, chat.Inbox(v.user.ID))
	if err != nil {
		return chat.ID{}
	}
	return ids[0]
}

// mark says that the user has read a room up to an event, see [Rooms].
func (v visitor) mark(ctx context.Context, room chat.RoomID, id chat.ID) (chat.ID, error) {
	if err := v.mayRead(room); err != nil {
		return chat.ID{}, err
	}
	if err := v.signedIn(); err != nil {
		return chat.ID{}, err
	}
	return v.rooms.Mark(ctx, v.user.ID, room, id)
}

// marks are how far the user has read each room.
func (v visitor) marks(ctx context.Context) (map[chat.RoomID]chat.ID, error) {
	if err := v.signedIn(); err != nil {
		return nil, err
	}
	return v.rooms.Marks(ctx, v.user.ID)
}

// signedIn refuses those without a session, for whom nothing is kept.
func (v visitor) signedIn() error {
	if v.user.ID == "" {
		return fmt.Errorf("%w: say your name first", chat.ErrUnauthorized)
	}
	return nil
}
