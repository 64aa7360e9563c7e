package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// A subscription receives the channels of all followed rooms on one connection,
// which it makes when the first room is followed.
type subscription struct {
	store     *Store
	once      sync.Once
	delivered chan struct{} // closed when anything was received
	first     sync.Once     // closes it
	kick      chan struct{} // changed is not empty

	mu        sync.Mutex // guards what follows
	received  time.Time  // when anything was received last
	followers map[string][]*follower
	inboxes   []*inboxFollower
	changed   map[string]bool // channels that are to be subscribed to or left
	conn      *redis.PubSub
	self      string // the channel on which this process probes the subscription
}

func newSubscription(s *Store) *subscription {
	return &subscription{
		store: s, followers: map[string][]*follower{}, changed: map[string]bool{},
		delivered: make(chan struct{}), kick: make(chan struct{}, 1),
	}
}

func (s *subscription) begin() {
	s.once.Do(func() {
		s.store.start(s.listen)
		s.store.start(s.syncChannels)
		s.store.start(s.watch)
	})
}

// add follows f's room. The channel is subscribed to even if it is already: the
// confirmation syncs f, and the room's other followers here, who are few.
func (s *subscription) add(f *follower) {
	s.begin()
	ch := s.store.keys.room(f.room).channel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers[ch] = append(slices.Clip(s.followers[ch]), f)
	s.change(ch)
}

func (s *subscription) remove(f *follower) {
	ch := s.store.keys.room(f.room).channel()
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(s.followers[ch]), func(g *follower) bool { return g == f })
	if s.followers[ch] = left; len(left) == 0 {
		delete(s.followers, ch)
		s.change(ch)
	}
}

// change has channels subscribed to or left. s.mu is held.
func (s *subscription) change(chans ...string) {
	for _, ch := range chans {
		s.changed[ch] = true
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// syncChannels subscribes and unsubscribes, all that is to be done at once. It
// alone does, so that the connection's state and ours go the same way.
func (s *subscription) syncChannels(ctx context.Context) {
	for {
		select {
		case <-s.kick:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		var on, off []string
		for ch := range s.changed {
			if len(s.followers[ch]) > 0 || ofInboxes(ch) && len(s.inboxes) > 0 {
				on = append(on, ch)
			} else {
				off = append(off, ch)
			}
		}
		clear(s.changed)
		conn := s.conn
		s.mu.Unlock()
		if conn == nil { // connect changes all when there is one
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		// An error needs no answer: the driver keeps what it was asked for, and
		// asks for it when the connection is back.
		if len(on) > 0 {
			_ = conn.Subscribe(ctx, on...)
		}
		if len(off) > 0 {
			_ = conn.Unsubscribe(ctx, off...)
		}
		cancel()
	}
}

// listen keeps a connection until ctx ends, and makes it anew whenever it was
// lost. Every confirmed subscription has its room's log read: the room is
// subscribed to first and read second, so that nothing falls between.
func (s *subscription) listen(ctx context.Context) {
	for warned := (time.Time{}); ctx.Err() == nil; {
		conn := s.connect(ctx)
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		err := s.receiveAll(ctx, conn)
		stop()
		conn.Close()
		if ctx.Err() == nil {
			s.store.count.losses.Add(1)
			if received := s.lastReceived(); !received.Equal(warned) { // once an outage
				s.store.log.Warn("pub/sub connection lost", "err", err)
				warned = received
			}
			pause(ctx, retryPause)
		}
	}
}

// connect begins with a channel of a new name: on a Cluster the name chooses
// the node that the connection goes to, and the last one may be dead.
func (s *subscription) connect(ctx context.Context) *redis.PubSub {
	self := s.store.keys.probe(rand.Text())
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	conn := s.store.rdb.Subscribe(ctx, self) // an error shows at the first Receive
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.self = conn, self
	s.change(slices.Collect(maps.Keys(s.followers))...)
	if len(s.inboxes) > 0 {
		s.change(s.store.keys.inboxes()...)
	}
	return conn
}

// receiveAll receives until the connection is cut or cannot be made. When one
// breaks the driver makes another, with all its subscriptions, before Receive
// fails.
func (s *subscription) receiveAll(ctx context.Context, conn *redis.PubSub) error {
	broken := false
	for {
		msg, err := conn.Receive(ctx)
		if err != nil {
			if broken || errors.Is(err, redis.ErrClosed) {
				return err
			}
			broken = true
			continue
		}
		broken = false
		s.note()
		switch m := msg.(type) {
		case *redis.Subscription:
			s.subscribed(m)
		case *redis.Message:
			s.dispatch(m)
		}
	}
}

func (s *subscription) of(ch string) []*follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.followers[ch] // what it holds is never changed in place
}

func (s *subscription) subscribed(m *redis.Subscription) {
	if m.Kind != "subscribe" {
		return
	}
	if ofInboxes(m.Channel) {
		s.deliverInbox("", chat.Signal{Kind: chat.Reset})
	}
	for _, f := range s.of(m.Channel) {
		f.sync()
	}
}

func (s *subscription) note() {
	s.mu.Lock()
	s.received = time.Now()
	s.mu.Unlock()
	s.first.Do(func() { close(s.delivered) })
}

func (s *subscription) lastReceived() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// dispatch hands a message on to its room's followers: a signal is a JSON
// object, an event is "<id> <prev> <at> <JSON>".
func (s *subscription) dispatch(m *redis.Message) {
	if ofInboxes(m.Channel) {
		s.dispatchInbox(m)
		return
	}
	fs := s.of(m.Channel)
	if len(fs) == 0 {
		return
	}
	if strings.HasPrefix(m.Payload, "{") {
		var sig chat.Signal
		if err := json.Unmarshal([]byte(m.Payload), &sig); err != nil {
			s.store.log.Warn("signal not understood", "channel", m.Channel, "err", err)
			return
		}
		for _, f := range fs {
			f.signal(sig)
		}
		return
	}
	id, rest, _ := strings.Cut(m.Payload, " ")
	if allKnow(fs, id) {
		return
	}
	prev, rest, _ := strings.Cut(rest, " ")
	at, body, _ := strings.Cut(rest, " ")
	p, err := position(id, prev, at)
	var ev chat.Line
	if err == nil {
		ev, err = store.Line(p, []byte(body))
	}
	if err != nil {
		s.store.log.Warn("event not understood", "channel", m.Channel, "err", err)
		return
	}
	for _, f := range fs {
		f.receive(ev)
	}
}

// deliverLocal hands an event that was written here to its room's followers
// here.
func (s *subscription) deliverLocal(ev chat.Line) {
	for _, f := range s.of(s.store.keys.room(ev.Room).channel()) {
		f.deliverLocal(ev)
	}
}

// allKnow reports whether all of them know of an event by now.
func allKnow(fs []*follower, id string) bool {
	at, err := chat.ParseID(id)
	return err == nil && !slices.ContainsFunc(fs, func(f *follower) bool { return at.After(f.lastSeen()) })
}
