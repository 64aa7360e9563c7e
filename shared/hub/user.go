package hub

import (
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/sse"
)

const userPause = 20 * time.Millisecond // between two looks at all connections for those of some users

// Users are the readers of each user, and what waits to be sent to them alone. It
// is no part of a ring, which many share: it goes out between two batches.
//
// A connection without a goroutine has four bytes of its user's id, and whoever
// opened it knows the rest: see [Holder]. So what one user gets costs the
// others nothing but a look, a few times a second at most.
type users struct {
	kick chan struct{} // holds one: pending is not empty

	mu      sync.Mutex // guards what follows, and the readers' signals
	readers map[string][]*Reader
	pending map[string][]chat.Signal // for connections
}

// A Holder stands for whoever opened a connection. It is asked whether a user
// did, and called once with no user when the connection is closed. It must not
// block.
type Holder func(user string) bool

// SignalUser sends a signal to all readers of a user on this machine. Of those of
// a kind about a room that wait, the last one is sent. It does not block.
func (h *Hub) SignalUser(user string, sig chat.Signal) {
	us := &h.users
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, r := range us.readers[user] {
		r.signals = replace(r.signals, sig)
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	if h.poller.ready() {
		us.pending[user] = replace(us.pending[user], sig)
		select {
		case us.kick <- struct{}{}:
		default:
		}
	}
}

// replace adds a signal in place of those that it makes old.
func replace(waiting []chat.Signal, sig chat.Signal) []chat.Signal {
	waiting = slices.DeleteFunc(waiting, func(s chat.Signal) bool { return s.Kind == sig.Kind && s.Room == sig.Room })
	return append(waiting, sig)
}

// register has a reader get what is for its user.
func (us *users) register(r *Reader) {
	if r.userID == "" {
		return
	}
	r.wake = make(chan struct{}, 1)
	us.mu.Lock()
	defer us.mu.Unlock()
	us.readers[r.userID] = append(us.readers[r.userID], r)
}

// unregister ends that, and returns what the reader has not got yet.
func (us *users) unregister(r *Reader) []chat.Signal {
	if r.userID == "" {
		return nil
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	left := slices.DeleteFunc(us.readers[r.userID], func(other *Reader) bool { return r == other })
	if us.readers[r.userID] = left; len(left) == 0 {
		delete(us.readers, r.userID)
	}
	return us.take(r)
}

// take returns what waits for a reader. us.mu is held.
func (us *users) take(r *Reader) []chat.Signal {
	signals := r.signals
	r.signals = nil
	return signals
}

// fromUser returns what is for the reader's user alone.
func (r *Reader) fromUser() (b Batch) {
	if r.userID == "" {
		return b
	}
	us := &r.hub.users
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, sig := range us.take(r) {
		json := chat.JSON(sig)
		b.Items = append(b.Items, Item{Kind: sig.Kind, JSON: json, frame: frameOf(sig.Kind, json)})
	}
	return b
}

func frameOf(kind chat.Kind, json []byte) []byte {
	return sse.Frame{Type: string(kind), Data: json}.Append(nil)
}

// signalUsers gives connections what is for their users, until the hub closes.
func (h *Hub) signalUsers() {
	pause := time.NewTimer(0)
	for {
		select {
		case <-pause.C:
		case <-h.ctx.Done():
			return
		}
		select {
		case <-h.users.kick:
		case <-h.ctx.Done():
			return
		}
		h.users.mu.Lock()
		pending := h.users.pending
		h.users.pending = map[string][]chat.Signal{}
		h.users.mu.Unlock()
		h.poller.signalUsers(pending)
		pause.Reset(userPause)
	}
}
