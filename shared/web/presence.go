package web

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

// Presence is told in steps: who comes and goes within one is told once, and
// who comes back within two has not left.
const (
	presenceStep  = 5 * time.Second
	presenceFresh = 15 * time.Second      // how often the store is told who is still here; it forgets after 45 s
	presenceLimit = 3 * time.Second       // for one word with the store
	presenceGap   = 20 * time.Millisecond // between two rooms of a step, at most: lines go before
	typingPause   = 3 * time.Second       // between two signals of one user's typing in a room
)

// Attendance is who is in a room, as far as the store knows.
type Attendance interface {
	// Here says that server holds connections of these users in a room, and
	// returns who is in the room by then.
	Here(ctx context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error)
	// Gone takes back what Here said of these users in a room.
	Gone(ctx context.Context, server string, room chat.RoomID, us ...chat.User) error
	// Free gives away the names of these users, who are in no room.
	Free(ctx context.Context, us ...chat.User) error
}

// A presence keeps the store told of who reads here, and the readers here told
// of who is in their rooms, wherever those are connected. What it tells is
// found by asking the store, so that a server that died is noticed too.
type presence struct {
	store Attendance
	tell  func(chat.Signal) // to the readers here
	log   *slog.Logger
	name  string // of this server

	mu     sync.Mutex // guards what follows
	visits map[string]*visit
	users  map[chat.User]int // visits of each
	rooms  map[chat.RoomID]*company
	stop   context.CancelFunc // of the loop; nil: it does not run
	kick   chan struct{}      // holds one: somebody came
	closed bool
	wg     sync.WaitGroup
}

// A visit is one user in one choice of rooms, whatever the number of streams.
type visit struct {
	key   string
	user  chat.User
	rooms []chat.RoomID
	n     int // guarded by presence.mu
}

// A company is who is in one room. Its fields are guarded by presence.mu.
type company struct {
	readers int              // streams here, guests' too
	mine    map[string]*mine // by user id
	former  []chat.User      // mine, under names that they gave up
	known   []chat.User      // whom the readers here know of
}

// Mine is a user with a stream here.
type mine struct {
	user  chat.User
	n     int       // visits
	left  time.Time // when n fell to 0
	fresh time.Time // when the store was told last
}

func newPresence(store Attendance, tell func(chat.Signal), log *slog.Logger) *presence {
	return &presence{
		store: store, tell: tell, log: log, name: rand.Text()[:12],
		visits: map[string]*visit{}, users: map[chat.User]int{}, rooms: map[chat.RoomID]*company{}, kick: make(chan struct{}, 1),
	}
}

// arrive notes a stream of a user, or of a guest, and returns what to leave by.
func (p *presence) arrive(user chat.User, rooms []chat.RoomID) *visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := user.ID + " " + user.Name
	for _, room := range rooms {
		key += " " + string(room)
	}
	v := p.visits[key]
	if v == nil {
		v = &visit{key: key, user: user, rooms: rooms}
		p.visits[key] = v
	}
	if v.n++; v.n > 1 {
		return v
	}
	p.users[user]++
	for _, room := range rooms {
		p.enter(room, user)
	}
	p.run()
	select {
	case p.kick <- struct{}{}:
	default:
	}
	return v
}

// enter adds a visit to a room. p.mu is held.
func (p *presence) enter(room chat.RoomID, user chat.User) {
	c := p.rooms[room]
	if c == nil {
		c = &company{mine: map[string]*mine{}}
		p.rooms[room] = c
	}
	c.readers++
	if user.ID == "" {
		return
	}
	m := c.mine[user.ID]
	if m == nil {
		m = &mine{user: user}
		c.mine[user.ID] = m
	}
	if m.user != user { // under a new name
		c.former = append(c.former, m.user)
		m.user, m.fresh = user, time.Time{}
	}
	m.n++
}

// leave takes back one arrive. It does not block.
func (p *presence) leave(v *visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.n--; v.n > 0 {
		return
	}
	delete(p.visits, v.key)
	if p.users[v.user]--; p.users[v.user] == 0 {
		delete(p.users, v.user)
	}
	for _, room := range v.rooms {
		c := p.rooms[room]
		c.readers--
		if m := c.mine[v.user.ID]; m != nil {
			if m.n--; m.n == 0 {
				m.left = time.Now()
			}
		}
	}
}

// run starts the loop, if it does not run. p.mu is held.
func (p *presence) run() {
	if p.stop != nil || p.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.wg.Go(func() { p.loop(ctx) })
}

// close ends the loop. The store forgets by itself who was here: they are on
// their way to another server.
func (p *presence) close() {
	p.mu.Lock()
	p.closed = true
	if p.stop != nil {
		p.stop()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// loop ends when nobody reads here any more.
func (p *presence) loop(ctx context.Context) {
	tick := time.NewTicker(presenceStep)
	defer tick.Stop()
	for {
		select {
		case <-p.kick:
			p.step(ctx, true)
		case <-tick.C:
			p.step(ctx, false)
		case <-ctx.Done():
			return
		}
		p.mu.Lock()
		if len(p.rooms) == 0 {
			p.stop()
			p.stop = nil
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
}

// step goes round the rooms; if it is for those alone who just came, nobody is
// told anything yet.
func (p *presence) step(ctx context.Context, coming bool) {
	p.mu.Lock()
	rooms := slices.Collect(maps.Keys(p.rooms))
	p.mu.Unlock()
	gap := min(presenceGap, presenceStep/2/time.Duration(max(1, len(rooms))))
	for i, room := range rooms {
		here, gone := p.due(room, coming)
		if coming && len(here) == 0 {
			continue
		}
		if !coming && i > 0 {
			p.rest(ctx, gap)
		}
		people, err := p.ask(ctx, room, here, gone)
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("presence not told", "room", room, "err", err)
			}
			return // the store is away: everybody is due again at the next step
		}
		p.done(room, here, gone)
		if !coming {
			p.compare(room, people)
		}
	}
}

// rest lets others have the store, but not those wait who just came.
func (p *presence) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.kick:
		p.step(ctx, true)
	case <-ctx.Done():
	}
}

// due is whom the store has to hear of.
func (p *presence) due(room chat.RoomID, coming bool) (here, gone []chat.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.rooms[room]
	if c == nil {
		return nil, nil
	}
	now := time.Now()
	gone = slices.Clone(c.former)
	for _, m := range c.mine {
		switch {
		case m.n > 0 && (m.fresh.IsZero() || (!coming && now.Sub(m.fresh) >= presenceFresh)):
			here = append(here, m.user)
		case m.n == 0 && !coming && now.Sub(m.left) >= presenceStep:
			gone = append(gone, m.user)
		}
	}
	return here, gone
}

func (p *presence) ask(ctx context.Context, room chat.RoomID, here, gone []chat.User) ([]chat.User, error) {
	ctx, cancel := context.WithTimeout(ctx, presenceLimit)
	defer cancel()
	if len(gone) > 0 {
		if err := p.store.Gone(ctx, p.name, room, gone...); err != nil {
			return nil, err
		}
		if err := p.store.Free(ctx, p.absent(gone)...); err != nil {
			return nil, err
		}
	}
	return p.store.Here(ctx, p.name, room, here...)
}

// absent are those of us that read no other room here either.
func (p *presence) absent(us []chat.User) []chat.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(us), func(u chat.User) bool { return p.users[u] > 0 })
}

// done notes what the store was told, and forgets a room without readers.
func (p *presence) done(room chat.RoomID, here, gone []chat.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.rooms[room]
	for _, u := range here {
		if m := c.mine[u.ID]; m != nil && m.user == u {
			m.fresh = time.Now()
		}
	}
	for _, u := range gone {
		switch m := c.mine[u.ID]; {
		case m == nil || m.user != u: // a name given up
		case m.n == 0:
			delete(c.mine, u.ID)
		default: // back in the meantime
			m.fresh = time.Time{}
		}
	}
	c.former = slices.DeleteFunc(c.former, func(u chat.User) bool { return slices.Contains(gone, u) })
	if c.readers == 0 && len(c.mine) == 0 {
		delete(p.rooms, room)
	}
}

// compare tells the readers here what has changed since they were told last.
func (p *presence) compare(room chat.RoomID, people []chat.User) {
	p.mu.Lock()
	c := p.rooms[room]
	if c == nil {
		p.mu.Unlock()
		return
	}
	sig := chat.Signal{Room: room, Kind: chat.Presence, Joined: without(people, c.known), Left: without(c.known, people), Count: len(people)}
	c.known = people
	p.mu.Unlock()
	if len(sig.Joined)+len(sig.Left) > 0 {
		p.tell(sig)
	}
}

// without are the users of a that are not in b.
func without(a, b []chat.User) []chat.User {
	return slices.DeleteFunc(slices.Clone(a), func(u chat.User) bool { return slices.Contains(b, u) })
}

// Turns lets each of many do something once in a while.
type turns struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// take reports whether it is who's turn, and notes that it was taken.
func (t *turns) take(who string, pause time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last[who]) < pause {
		return false
	}
	if t.last == nil || len(t.last) > 1000 {
		maps.DeleteFunc(t.last, func(_ string, at time.Time) bool { return now.Sub(at) >= pause })
	}
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	t.last[who] = now
	return true
}

// give takes back a turn that came to nothing.
func (t *turns) give(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, who)
}
