package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	mendPage  = 512                    // events read at once to mend a gap
	mendPause = 200 * time.Millisecond // before the log is asked again after it failed
	ringEvery = 2 * time.Second        // how often the bell is tried
	ringLate  = time.Second            // when a try that was not heard counts as silence
	lookEvery = 5 * time.Second        // how often what was heard is compared with the log
	readyFor  = 3 * ringEvery          // how long a try that was heard proves the bell
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
	f := &follower{store: s, ctx: ctx, room: room, l: l, ready: make(chan struct{})}
	if err := s.bell.add(ctx, f); err != nil {
		return chat.ID{}, unavailable("hear "+string(room), err)
	}
	context.AfterFunc(ctx, func() { s.bell.remove(f) })
	select {
	case <-f.ready:
		return f.first, nil
	case <-ctx.Done():
		return chat.ID{}, unavailable("hear "+string(room), context.Cause(ctx))
	}
}

// Signal lets a signal pass by on its room's channel.
func (s *Store) Signal(ctx context.Context, sig chat.Signal) error {
	if err := s.rdb.Publish(ctx, channel(sig.Room), chat.JSON(sig)).Err(); err != nil {
		return unavailable("signal in "+string(sig.Room), err)
	}
	return nil
}

// Ready reports, by a nil error, that the bell rings: a word that this process
// published came back to it a moment ago.
func (s *Store) Ready(ctx context.Context) error {
	if age := time.Since(time.Unix(0, s.bell.heard.Load())); age > readyFor {
		return fmt.Errorf("%w: the bell was not heard for %v", chat.ErrUnavailable, age.Round(time.Second))
	}
	return s.rdb.Ping(ctx).Err()
}

// A follower is one room's feed. Its gaps are read from the log; whatever is
// heard meanwhile is in the log too, so nothing has to be queued.
type follower struct {
	store *Store
	ctx   context.Context
	room  chat.RoomID
	l     chat.Listener
	ready chan struct{} // closed when the room is heard and first is known
	first chat.ID       // set before ready is closed

	mu      sync.Mutex // held while l is told
	last    chat.ID    // what l knows of
	live    bool       // last is known
	mending bool       // a goroutine reads the log for it
	again   bool       // something was heard since that goroutine last looked
}

// hear takes an event off the bell.
func (f *follower) hear(ev chat.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mending || !f.live:
		f.again = true
	case ev.Prev == f.last && ev.ID.After(f.last):
		f.last = ev.ID
		f.l.Event(ev)
	case ev.ID.After(f.last):
		f.startMending()
	}
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

// f.mu is held.
func (f *follower) startMending() {
	f.mending = true
	f.store.wg.Go(f.mend)
}

// mend reads the log until it has caught up with everything heard.
func (f *follower) mend() {
	for f.ctx.Err() == nil && f.store.bell.open() {
		done, err := f.catchUp()
		if done {
			return
		}
		if err != nil {
			f.store.log.Warn("room not read", "room", f.room, "err", err)
			pause(f.ctx, mendPause)
		}
	}
}

// catchUp reads one page. It reports whether there is nothing more to read.
func (f *follower) catchUp() (done bool, err error) {
	f.mu.Lock()
	f.again = false
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
		f.last = last
		f.l.Reset(last)
	case !live:
		f.last, f.first, f.live = last, last, true
		close(f.ready)
	}
	if f.again || len(evs) == mendPage {
		return false, nil
	}
	f.mending = false
	return true, nil
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

// A bell hears the channels of all followed rooms on one connection.
type bell struct {
	store *Store
	self  string       // the channel on which we try the bell
	heard atomic.Int64 // when a try was heard last, Unix nanoseconds

	wire sync.Mutex // held while subscriptions change, so that they change in one order

	mu     sync.Mutex // guards what follows
	rooms  map[string][]*follower
	ps     *redis.PubSub
	closed bool
}

func newBell(s *Store) *bell {
	b := &bell{store: s, self: "confab:bell:" + rand.Text(), rooms: map[string][]*follower{}}
	b.ps = s.rdb.Subscribe(context.Background()) // lazy: nothing is sent yet
	return b
}

func (b *bell) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed
}

// add hears f's room, and syncs f at once if the room is heard already. A
// subscription that cannot be sent now is sent when the connection is back.
func (b *bell) add(ctx context.Context, f *follower) error {
	b.wire.Lock()
	defer b.wire.Unlock()
	ch := channel(f.room)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return redis.ErrClosed
	}
	others := len(b.rooms[ch])
	b.rooms[ch] = append(b.rooms[ch], f)
	ps := b.ps
	b.mu.Unlock()
	if others > 0 {
		f.sync()
		return nil
	}
	if err := ps.Subscribe(ctx, ch); err != nil {
		b.store.log.Warn("subscription waits for the connection", "room", f.room, "err", err)
	}
	return nil
}

func (b *bell) remove(f *follower) {
	b.wire.Lock()
	defer b.wire.Unlock()
	ch := channel(f.room)
	b.mu.Lock()
	left := slices.DeleteFunc(slices.Clone(b.rooms[ch]), func(g *follower) bool { return g == f })
	b.rooms[ch] = left
	if len(left) == 0 {
		delete(b.rooms, ch)
	}
	ps, closed := b.ps, b.closed
	b.mu.Unlock()
	if len(left) == 0 && !closed {
		ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
		defer cancel()
		_ = ps.Unsubscribe(ctx, ch) // a dead connection unsubscribes by itself
	}
}

// listen keeps the connection until ctx ends, and makes it anew whenever it
// breaks. Every confirmed subscription has its room's log looked at: the room
// is heard first and read second, so that nothing falls between.
func (b *bell) listen(ctx context.Context) {
	defer b.close()
	for ctx.Err() == nil {
		ps := b.connect(ctx)
		stop := context.AfterFunc(ctx, func() { ps.Close() })
		err := b.receive(ctx, ps)
		stop()
		ps.Close()
		if ctx.Err() == nil {
			b.store.log.Warn("bell silent", "err", err)
			pause(ctx, mendPause)
		}
	}
}

func (b *bell) connect(ctx context.Context) *redis.PubSub {
	b.wire.Lock()
	defer b.wire.Unlock()
	b.mu.Lock()
	chans := []string{b.self}
	for ch := range b.rooms {
		chans = append(chans, ch)
	}
	b.mu.Unlock()
	dctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ps := b.store.rdb.Subscribe(dctx, chans...) // its error shows at the first Receive
	b.mu.Lock()
	b.ps = ps
	b.mu.Unlock()
	return ps
}

func (b *bell) receive(ctx context.Context, ps *redis.PubSub) error {
	for {
		msg, err := ps.Receive(ctx)
		if err != nil {
			return err
		}
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
	if m.Channel == b.self {
		b.heard.Store(time.Now().UnixNano())
		return
	}
	for _, f := range b.followers(m.Channel) {
		f.sync()
	}
}

func (b *bell) ring(m *redis.Message) {
	if m.Channel == b.self {
		b.heard.Store(time.Now().UnixNano())
		return
	}
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

// watch tries the bell and compares what was heard with the log, for as long
// as ctx lasts. A connection on which a try is not heard is cut.
func (b *bell) watch(ctx context.Context) {
	var looked time.Time
	for ctx.Err() == nil {
		tried := time.Now()
		if err := b.try(ctx); err == nil {
			pause(ctx, ringLate)
			if b.heard.Load() < tried.UnixNano() && ctx.Err() == nil {
				b.cut()
			}
		} else if ctx.Err() == nil {
			b.cut() // as dead as the connection that the try went out on, or mended soon
		}
		if time.Since(looked) >= lookEvery {
			looked = time.Now()
			b.look(ctx)
		}
		pause(ctx, ringEvery-time.Since(tried))
	}
}

func (b *bell) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	return b.store.rdb.Publish(ctx, b.self, "ring").Err()
}

func (b *bell) cut() {
	b.mu.Lock()
	ps := b.ps
	b.mu.Unlock()
	ps.Close()
}

// look compares the log's last id with what each follower knew before it was
// asked for: later means missed, earlier means flushed or restored.
func (b *bell) look(ctx context.Context) {
	b.mu.Lock()
	fs := slices.Concat(slices.Collect(maps.Values(b.rooms))...)
	b.mu.Unlock()
	rooms := make([]chat.RoomID, len(fs))
	known := make([]chat.ID, len(fs))
	for i, f := range fs {
		f.mu.Lock()
		rooms[i], known[i] = f.room, f.last
		f.mu.Unlock()
	}
	if len(fs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ids, err := b.store.Last(ctx, rooms...)
	if err != nil {
		b.store.log.Warn("rooms not compared", "err", err)
		return
	}
	for i, f := range fs {
		if ids[i] != known[i] {
			f.sync()
		}
	}
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
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
