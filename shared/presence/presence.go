// Package presence knows who is in which room, and tells the readers here when
// that changes.
//
// It keeps the store informed of who reads on this server, and the readers here
// informed of who is in their rooms, on whatever server those are. It finds
// changes by asking the store, so the death of a server is noticed too.
package presence

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
)

// Changes are announced in steps: whoever comes and goes within one step is
// announced once, and whoever comes back within two has not left.
const (
	step         = 5 * time.Second
	refreshAfter = 15 * time.Second      // how often the store is told who is still here; it forgets after 45 s
	storeTimeout = 3 * time.Second       // for one question to the store
	roomPause    = 20 * time.Millisecond // between two rooms of a step, at most: posts go before
)

// A Store is what presence needs of the rooms' store.
type Store interface {
	// Here says that server holds connections of these users in a room, and
	// returns who is in the room by then.
	Here(ctx context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error)
	// Gone takes back what Here said of these users in a room.
	Gone(ctx context.Context, server string, room chat.RoomID, us ...chat.User) error
	// Free gives away the names of these users, who are in no room.
	Free(ctx context.Context, us ...chat.User) error
}

// A Tracker knows who is in the rooms that are read on this server. Its methods
// are safe for concurrent use.
type Tracker struct {
	store    Store
	announce func(chat.Signal) // to the readers here
	log      *slog.Logger
	server   string // the name of this server

	mu            sync.Mutex // guards what follows
	subscriptions map[string]*Subscription
	users         map[chat.User]int // the subscriptions of each
	rooms         map[chat.RoomID]*roomPresence
	stop          context.CancelFunc // of the loop; nil: it does not run
	kick          chan struct{}      // holds one: somebody came
	closed        bool
	wg            sync.WaitGroup
}

// A Subscription is one user in one set of rooms, whatever the number of their
// streams.
type Subscription struct {
	tracker *Tracker
	key     string
	user    chat.User
	rooms   []chat.RoomID
	streams int // guarded by Tracker.mu
}

// A roomPresence is who is in one room. Its fields are guarded by Tracker.mu.
type roomPresence struct {
	subscriptions int                   // those here, guests' too
	local         map[string]*localUser // by user id
	former        []chat.User           // local users, under names that they gave up
	announced     []chat.User           // those whom the readers here know of
}

// A localUser has a stream on this server.
type localUser struct {
	user          chat.User
	subscriptions int
	left          time.Time // when the last subscription ended
	refreshed     time.Time // when the store was told last
}

// New makes a tracker. Announce hands a signal to the readers on this server.
// The tracker must be closed.
func New(store Store, announce func(chat.Signal), log *slog.Logger) *Tracker {
	return &Tracker{
		store: store, announce: announce, log: log, server: rand.Text()[:12],
		subscriptions: map[string]*Subscription{}, users: map[chat.User]int{},
		rooms: map[chat.RoomID]*roomPresence{}, kick: make(chan struct{}, 1),
	}
}

// Join counts a stream of a user, or of a guest (the zero user), in some rooms.
// It does not block. What it returns must be left once.
func (t *Tracker) Join(user chat.User, rooms []chat.RoomID) *Subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := user.ID + " " + user.Name
	for _, room := range rooms {
		key += " " + string(room)
	}
	sub := t.subscriptions[key]
	if sub == nil {
		sub = &Subscription{tracker: t, key: key, user: user, rooms: rooms}
		t.subscriptions[key] = sub
	}
	if sub.streams++; sub.streams > 1 {
		return sub
	}
	t.users[user]++
	for _, room := range rooms {
		t.add(room, user)
	}
	t.start()
	select {
	case t.kick <- struct{}{}:
	default:
	}
	return sub
}

// add counts a subscription in a room. t.mu is held.
func (t *Tracker) add(room chat.RoomID, user chat.User) {
	rp := t.rooms[room]
	if rp == nil {
		rp = &roomPresence{local: map[string]*localUser{}}
		t.rooms[room] = rp
	}
	rp.subscriptions++
	if user.ID == "" {
		return
	}
	lu := rp.local[user.ID]
	if lu == nil {
		lu = &localUser{user: user}
		rp.local[user.ID] = lu
	}
	if lu.user != user { // under a new name
		rp.former = append(rp.former, lu.user)
		lu.user, lu.refreshed = user, time.Time{}
	}
	lu.subscriptions++
}

// Leave takes back one Join. It does not block.
func (s *Subscription) Leave() {
	t := s.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.streams--; s.streams > 0 {
		return
	}
	delete(t.subscriptions, s.key)
	if t.users[s.user]--; t.users[s.user] == 0 {
		delete(t.users, s.user)
	}
	for _, room := range s.rooms {
		rp := t.rooms[room]
		rp.subscriptions--
		if lu := rp.local[s.user.ID]; lu != nil {
			if lu.subscriptions--; lu.subscriptions == 0 {
				lu.left = time.Now()
			}
		}
	}
}

// start starts the loop, if it does not run. t.mu is held.
func (t *Tracker) start() {
	if t.stop != nil || t.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	t.wg.Go(func() { t.loop(ctx) })
}

// Close ends the loop. The store forgets by itself who was here: they are on
// their way to another server.
func (t *Tracker) Close() {
	t.mu.Lock()
	t.closed = true
	if t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	t.wg.Wait()
}

// loop ends when nobody reads here any more.
func (t *Tracker) loop(ctx context.Context) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-t.kick:
			t.update(ctx, true)
		case <-tick.C:
			t.update(ctx, false)
		case <-ctx.Done():
			return
		}
		t.mu.Lock()
		if len(t.rooms) == 0 {
			t.stop()
			t.stop = nil
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
	}
}

// update asks the store about each room. If it is only for those who just came,
// nothing is announced yet.
func (t *Tracker) update(ctx context.Context, coming bool) {
	t.mu.Lock()
	rooms := slices.Collect(maps.Keys(t.rooms))
	t.mu.Unlock()
	gap := min(roomPause, step/2/time.Duration(max(1, len(rooms))))
	for i, room := range rooms {
		here, gone := t.due(room, coming)
		if coming && len(here) == 0 {
			continue
		}
		if !coming && i > 0 {
			t.rest(ctx, gap)
		}
		people, err := t.ask(ctx, room, here, gone)
		if err != nil {
			if ctx.Err() == nil {
				t.log.Warn("presence not updated", "room", room, "err", err)
			}
			return // the store does not answer: everybody is due again at the next step
		}
		t.done(room, here, gone)
		if !coming {
			t.compare(room, people)
		}
	}
}

// rest leaves the store to others for a while, but those who just came do not
// wait.
func (t *Tracker) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.kick:
		t.update(ctx, true)
	case <-ctx.Done():
	}
}

// due returns the users whom the store has to be told of.
func (t *Tracker) due(room chat.RoomID, coming bool) (here, gone []chat.User) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rp := t.rooms[room]
	if rp == nil {
		return nil, nil
	}
	now := time.Now()
	gone = slices.Clone(rp.former)
	for _, lu := range rp.local {
		switch {
		case lu.subscriptions > 0 && (lu.refreshed.IsZero() || (!coming && now.Sub(lu.refreshed) >= refreshAfter)):
			here = append(here, lu.user)
		case lu.subscriptions == 0 && !coming && now.Sub(lu.left) >= step:
			gone = append(gone, lu.user)
		}
	}
	return here, gone
}

func (t *Tracker) ask(ctx context.Context, room chat.RoomID, here, gone []chat.User) ([]chat.User, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if len(gone) > 0 {
		if err := t.store.Gone(ctx, t.server, room, gone...); err != nil {
			return nil, err
		}
		if err := t.store.Free(ctx, t.absent(gone)...); err != nil {
			return nil, err
		}
	}
	return t.store.Here(ctx, t.server, room, here...)
}

// absent returns those users who read no other room here either.
func (t *Tracker) absent(us []chat.User) []chat.User {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(us), func(u chat.User) bool { return t.users[u] > 0 })
}

// done notes what the store was told, and drops a room without readers.
func (t *Tracker) done(room chat.RoomID, here, gone []chat.User) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rp := t.rooms[room]
	for _, u := range here {
		if lu := rp.local[u.ID]; lu != nil && lu.user == u {
			lu.refreshed = time.Now()
		}
	}
	for _, u := range gone {
		switch lu := rp.local[u.ID]; {
		case lu == nil || lu.user != u: // a name given up
		case lu.subscriptions == 0:
			delete(rp.local, u.ID)
		default: // back in the meantime
			lu.refreshed = time.Time{}
		}
	}
	rp.former = slices.DeleteFunc(rp.former, func(u chat.User) bool { return slices.Contains(gone, u) })
	if rp.subscriptions == 0 && len(rp.local) == 0 {
		delete(t.rooms, room)
	}
}

// compare announces what has changed since the last announcement.
func (t *Tracker) compare(room chat.RoomID, people []chat.User) {
	t.mu.Lock()
	rp := t.rooms[room]
	if rp == nil {
		t.mu.Unlock()
		return
	}
	sig := chat.Signal{Room: room, Kind: chat.Presence, Joined: without(people, rp.announced), Left: without(rp.announced, people), Count: len(people)}
	rp.announced = people
	t.mu.Unlock()
	if len(sig.Joined)+len(sig.Left) > 0 {
		t.announce(sig)
	}
}

// without returns the users of a that are not in b.
func without(a, b []chat.User) []chat.User {
	return slices.DeleteFunc(slices.Clone(a), func(u chat.User) bool { return slices.Contains(b, u) })
}
