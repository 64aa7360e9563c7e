package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	mendPage   = 512                    // events read at once to mend a gap
	mendQueue  = 256                    // events heard that wait for it
	mendPause  = 200 * time.Millisecond // before the log is asked again after it failed
	ringEvery  = 2 * time.Second        // how often the bell is tried
	ringLate   = time.Second            // when a try that was not heard counts as silence
	lookEvery  = 4 * time.Second        // how often what was heard is compared with the log
	selfPrefix = "confab:bell:"         // of the channel on which a process tries the bell
	readyFor   = 3 * ringEvery          // how long a try that was heard proves the bell
)

// Follow tells l what happens in a room until ctx ends: every event after the
// id that it returns, in the log's order, none missing and none twice, and
// signals as they pass. It returns once the room is heard. Connections that
// break, a bell that falls silent and a log that breaks off are mended behind
// it; the last shows as l.Reset.
//
// Each call of l is made with nothing locked that l could want but the feed
// of its own room.
func (s *Store) Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error) {
	ctx, cancel := context.WithCancel(ctx)
	closed := context.AfterFunc(s.run, cancel)
	f := &follower{store: s, ctx: ctx, room: room, l: l, ready: make(chan struct{})}
	s.bell.add(f)
	context.AfterFunc(ctx, func() { s.bell.remove(f); closed(); cancel() })
	select {
	case <-f.ready:
		return f.first, nil
	case <-ctx.Done():
		return chat.ID{}, unavailable("hear "+string(room), context.Cause(ctx))
	}
}

// publishScript is PUBLISH sent to the node that has the room, of a Cluster:
// the driver would send it to any, and wait for one that is dead.
var publishScript = redis.NewScript(`return redis.call('PUBLISH', KEYS[1], ARGV[1])`)

// Signal lets a signal pass by on its room's channel.
func (s *Store) Signal(ctx context.Context, sig chat.Signal) error {
	if err := publishScript.Run(ctx, s.rdb, []string{channel(sig.Room)}, chat.JSON(sig)).Err(); err != nil {
		return unavailable("signal in "+string(sig.Room), err)
	}
	return nil
}

// Ready reports, by a nil error, that the bell rings: something was heard a
// moment ago, if only what this process says to itself.
func (s *Store) Ready(ctx context.Context) error {
	s.bell.begin()
	select {
	case <-s.bell.rang:
	case <-time.After(ringLate):
		return unavailable("ready", errors.New("the bell was never heard"))
	case <-ctx.Done():
		return unavailable("ready", context.Cause(ctx))
	}
	if age := time.Since(s.bell.lastHeard()); age > readyFor {
		return unavailable("ready", fmt.Errorf("the bell was not heard for %v", age.Round(time.Second)))
	}
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return unavailable("ready", err)
	}
	return nil
}

// A follower is one room's feed. Its gaps are read from the log. What is heard
// meanwhile is in the log too, so that no more of it has to be kept than spares
// a busy room from being read again and again.
type follower struct {
	store *Store
	ctx   context.Context
	room  chat.RoomID
	l     chat.Listener
	ready chan struct{} // closed when the room is heard and first is known
	first chat.ID       // set before ready is closed

	mu      sync.Mutex   // held while l is told
	last    chat.ID      // what l knows of
	live    bool         // last is known
	mending bool         // a goroutine reads the log for it
	heard   []chat.Event // what was heard since it looked,
	again   bool         // or that there was more
}

// hear takes an event off the bell.
func (f *follower) hear(ev chat.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mending && len(f.heard) < mendQueue:
		f.heard = append(f.heard, ev)
	case f.mending || !f.live:
		f.again = true
	case f.tell(ev):
	case ev.ID.After(f.last):
		f.store.count.gaps.Add(1)
		f.startMending()
	}
}

// pass takes an event that was written here, if it is the next. Whatever else
// it is, the bell will tell.
func (f *follower) pass(ev chat.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live && !f.mending {
		f.tell(ev)
	}
}

// tell tells l of an event if it is the next, and reports whether it is. f.mu
// is held.
func (f *follower) tell(ev chat.Event) bool {
	next := ev.Prev == f.last && ev.ID.After(f.last)
	if next {
		f.last = ev.ID
		f.l.Event(ev)
	}
	return next
}

func (f *follower) known() chat.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *follower) signal(sig chat.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live {
		f.l.Signal(sig)
	}
}

// sync has the log looked at: after the channel was subscribed to, or when
// the log and what was heard differ.
func (f *follower) sync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mending {
		f.again = true
		return
	}
	f.startMending()
}

// startMending is called with f.mu held.
func (f *follower) startMending() {
	f.mending = true
	f.store.start(f.mend)
}

// mend reads the log until it has caught up with everything heard.
func (f *follower) mend(context.Context) {
	warned := false
	for f.ctx.Err() == nil {
		done, err := f.catchUp()
		if done {
			return
		}
		if err != nil && !warned && f.ctx.Err() == nil {
			f.store.log.Warn("room not read, asking again", "room", f.room, "err", err)
			warned = true
		}
		if err != nil {
			pause(f.ctx, mendPause)
		}
	}
}

// catchUp reads one page. It reports whether there is nothing more to read.
func (f *follower) catchUp() (done bool, err error) {
	f.mu.Lock()
	f.again, f.heard = false, f.heard[:0]
	last, live := f.last, f.live
	f.mu.Unlock()

	ctx, cancel := context.WithTimeout(f.ctx, replyTimeout)
	defer cancel()
	var evs []chat.Event
	if live {
		evs, err = f.read(ctx, last)
	}
	reset := errors.Is(err, chat.ErrReset)
	if reset || !live {
		var ids []chat.ID
		if ids, err = f.store.Last(ctx, f.room); err == nil {
			last = ids[0]
		}
	}
	if err != nil {
		return false, err
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ev := range evs {
		f.last = ev.ID
		f.l.Event(ev)
	}
	switch {
	case reset:
		f.store.count.resets.Add(1)
		f.last = last
		f.l.Reset(last)
	case !live:
		f.last, f.first, f.live = last, last, true
		close(f.ready)
	}
	if len(evs) == mendPage || !f.drain() {
		return false, nil
	}
	f.mending, f.heard = false, nil
	return true, nil
}

// drain hands on what was heard while the log was read, and reports whether
// that was all there is.
func (f *follower) drain() bool {
	for _, ev := range f.heard {
		if ev.ID.After(f.last) && !f.tell(ev) {
			return false
		}
	}
	return !f.again
}

// read is Since, but for a room where nothing had been said: whatever its log
// holds by now was said after we heard it.
func (f *follower) read(ctx context.Context, last chat.ID) ([]chat.Event, error) {
	evs, err := f.store.Since(ctx, f.room, last, mendPage)
	if err == nil && last.IsZero() && len(evs) > 0 && !evs[0].Prev.IsZero() {
		return nil, chat.ErrReset
	}
	return evs, err
}

// A bell hears the channels of all followed rooms on one connection, from the
// first time that somebody wants to hear.
type bell struct {
	store *Store
	once  sync.Once
	rang  chan struct{} // closed when anything was heard
	first sync.Once     // closes it
	kick  chan struct{} // changed is not empty

	mu      sync.Mutex // guards what follows
	heard   time.Time  // when anything was heard last
	rooms   map[string][]*follower
	changed map[string]bool // channels about which Redis is to be told
	ps      *redis.PubSub
	self    string // the channel on which we try the bell
}

func newBell(s *Store) *bell {
	return &bell{
		store: s, rooms: map[string][]*follower{}, changed: map[string]bool{},
		rang: make(chan struct{}), kick: make(chan struct{}, 1),
	}
}

func (b *bell) begin() {
	b.once.Do(func() {
		b.store.start(b.listen)
		b.store.start(b.tell)
		b.store.start(b.watch)
	})
}

// add hears f's room. The channel is subscribed to even if it is already: the
// confirmation syncs f, and the room's other followers here, who are few.
func (b *bell) add(f *follower) {
	b.begin()
	ch := channel(f.room)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[ch] = append(slices.Clip(b.rooms[ch]), f)
	b.change(ch)
}

func (b *bell) remove(f *follower) {
	ch := channel(f.room)
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(b.rooms[ch]), func(g *follower) bool { return g == f })
	if b.rooms[ch] = left; len(left) == 0 {
		delete(b.rooms, ch)
		b.change(ch)
	}
}

// change has Redis told about channels. b.mu is held.
func (b *bell) change(chans ...string) {
	for _, ch := range chans {
		b.changed[ch] = true
	}
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// tell subscribes and unsubscribes, all that is to be done at once. It alone
// does, so that the connection's state and ours go the same way.
func (b *bell) tell(ctx context.Context) {
	for {
		select {
		case <-b.kick:
		case <-ctx.Done():
			return
		}
		b.mu.Lock()
		var on, off []string
		for ch := range b.changed {
			if len(b.rooms[ch]) > 0 {
				on = append(on, ch)
			} else {
				off = append(off, ch)
			}
		}
		clear(b.changed)
		ps := b.ps
		b.mu.Unlock()
		if ps == nil { // listen tells all when it has one
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		// An error needs no answer: the driver keeps what it was asked for, and
		// asks for it when the connection is back.
		if len(on) > 0 {
			_ = ps.Subscribe(ctx, on...)
		}
		if len(off) > 0 {
			_ = ps.Unsubscribe(ctx, off...)
		}
		cancel()
	}
}

// listen keeps a connection until ctx ends, and makes it anew whenever it was
// cut. Every confirmed subscription has its room's log looked at: the room is
// heard first and read second, so that nothing falls between.
func (b *bell) listen(ctx context.Context) {
	for silent := (time.Time{}); ctx.Err() == nil; {
		ps := b.connect(ctx)
		stop := context.AfterFunc(ctx, func() { ps.Close() })
		err := b.receive(ctx, ps)
		stop()
		ps.Close()
		if ctx.Err() == nil {
			b.store.count.silences.Add(1)
			if heard := b.lastHeard(); !heard.Equal(silent) { // once a silence
				b.store.log.Warn("bell silent", "err", err)
				silent = heard
			}
			pause(ctx, mendPause)
		}
	}
}

// connect begins with a channel of a new name: on a Cluster the name chooses
// the node that the connection goes to, and the last one may be dead.
func (b *bell) connect(ctx context.Context) *redis.PubSub {
	self := "confab:bell:" + rand.Text()
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ps := b.store.rdb.Subscribe(ctx, self) // an error shows at the first Receive
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ps, b.self = ps, self
	b.change(slices.Collect(maps.Keys(b.rooms))...)
	return ps
}

// receive hears until the connection is cut or cannot be made. When one breaks
// the driver makes another, with all its subscriptions, before Receive fails.
func (b *bell) receive(ctx context.Context, ps *redis.PubSub) error {
	broken := false
	for {
		msg, err := ps.Receive(ctx)
		if err != nil {
			if broken || errors.Is(err, redis.ErrClosed) {
				return err
			}
			broken = true
			continue
		}
		broken = false
		b.note()
		switch m := msg.(type) {
		case *redis.Subscription:
			b.subscribed(m)
		case *redis.Message:
			b.ring(m)
		}
	}
}

func (b *bell) followers(ch string) []*follower {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rooms[ch] // what it holds is never changed in place
}

func (b *bell) subscribed(m *redis.Subscription) {
	if m.Kind != "subscribe" {
		return
	}
	for _, f := range b.followers(m.Channel) {
		f.sync()
	}
}

func (b *bell) note() {
	b.mu.Lock()
	b.heard = time.Now()
	b.mu.Unlock()
	b.first.Do(func() { close(b.rang) })
}

func (b *bell) lastHeard() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard
}

func (b *bell) ring(m *redis.Message) {
	fs := b.followers(m.Channel)
	if len(fs) == 0 {
		return
	}
	if strings.HasPrefix(m.Payload, "{") {
		var sig chat.Signal
		if err := json.Unmarshal([]byte(m.Payload), &sig); err != nil {
			b.store.log.Warn("signal not understood", "channel", m.Channel, "err", err)
			return
		}
		for _, f := range fs {
			f.signal(sig)
		}
		return
	}
	id, rest, _ := strings.Cut(m.Payload, " ")
	if passed(fs, id) {
		return
	}
	prev, body, _ := strings.Cut(rest, " ")
	ev, err := decode(id, prev, body)
	if err != nil {
		b.store.log.Warn("event not understood", "channel", m.Channel, "err", err)
		return
	}
	for _, f := range fs {
		f.hear(ev)
	}
}

// pass tells the followers of an event's room here what was written here.
func (b *bell) pass(ev chat.Event) {
	for _, f := range b.followers(channel(ev.Room)) {
		f.pass(ev)
	}
}

// passed reports whether all of them know of an event by now.
func passed(fs []*follower, id string) bool {
	at, err := chat.ParseID(id)
	return err == nil && !slices.ContainsFunc(fs, func(f *follower) bool { return at.After(f.known()) })
}

// watch tries the bell and compares what was heard with the log, for as long
// as ctx lasts. A connection on which then nothing is heard is cut.
func (b *bell) watch(ctx context.Context) {
	var looked time.Time
	for ctx.Err() == nil {
		tried := time.Now()
		ps, err := b.try(ctx)
		if err == nil {
			pause(ctx, ringLate)
		}
		// When the try itself failed, the bell's connection is as dead as the
		// one that it went out on, or soon back; unless it did not go out.
		sent := ps != nil && !errors.Is(err, redis.ErrPoolTimeout)
		if sent && ctx.Err() == nil && b.lastHeard().Before(tried) {
			ps.Close()
		}
		if time.Since(looked) >= lookEvery {
			looked = time.Now()
			b.look(ctx)
		}
		pause(ctx, ringEvery-time.Since(tried))
	}
}

// try rings the bell for ourselves, and returns the connection that should
// hear it.
func (b *bell) try(ctx context.Context) (*redis.PubSub, error) {
	b.mu.Lock()
	ps, self := b.ps, b.self
	b.mu.Unlock()
	if ps == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	return ps, publishScript.Run(ctx, b.store.rdb, []string{self}, "ring").Err()
}

// look compares the log's last id with what each follower knows: one that is
// later was missed, and one that is earlier than what was known before it was
// asked for tells of a log that was flushed or restored.
func (b *bell) look(ctx context.Context) {
	b.mu.Lock()
	fs := slices.Concat(slices.Collect(maps.Values(b.rooms))...)
	b.mu.Unlock()
	if len(fs) == 0 {
		return
	}
	rooms := make([]chat.RoomID, len(fs))
	before := make([]chat.ID, len(fs))
	for i, f := range fs {
		rooms[i], before[i] = f.room, f.known()
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ids, errs := b.store.lasts(ctx, rooms)
	if err := cmp.Or(errs...); err != nil && ctx.Err() == nil {
		b.store.log.Warn("some rooms not compared", "err", err)
	}
	most := time.Duration(0)
	for i, f := range fs {
		if errs[i] == nil {
			most = max(most, behind(ids[i], f.known()))
		}
		switch {
		case errs[i] != nil:
		case before[i].After(ids[i]) || ids[i].After(f.known()):
			f.sync()
		}
	}
	if cmp.Or(errs...) == nil {
		b.store.count.behind.Store(int64(most))
	}
}

// pause sleeps for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
