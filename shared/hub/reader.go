package hub

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"confab/shared/chat"
)

// A Reader reads rooms from a cursor on. It belongs to one goroutine.
type Reader struct {
	hub       *Hub
	a         *audience
	closed    bool
	endReason EndReason // it ended, if it has

	user       uint32 // who reads, see hashUser
	userID     string
	wake       chan struct{} // holds one: signals is not empty
	signals    []chat.Signal // for the user alone; guarded by users.mu
	lossesSeen int           // of the audience

	cursor    chat.Cursor // where it is, while it reads the log
	badCursor bool        // the cursor that it came with cannot be parsed
	live      bool        // it reads the ring,
	at        uint64      // from this position
}

// A Batch is what was ready. Its bytes are shared with other readers and must
// not be written to.
type Batch struct{ Items []Item }

// AppendSSE adds the frames of the items to out.
func (b Batch) AppendSSE(out []byte) []byte {
	for i := range b.Items {
		out = append(out, b.Items[i].frame...)
	}
	return out
}

// An Item is one event or signal.
type Item struct {
	Kind chat.Kind
	Room chat.RoomID
	ID   chat.ID // zero for a signal
	JSON []byte

	frame []byte // the whole, as SSE
}

func newReader(h *Hub, a *audience, user, cursor string) *Reader {
	h.count.waiting.Add(1)
	r := &Reader{hub: h, a: a, user: h.hashUser(user), userID: user}
	h.users.register(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	r.lossesSeen = a.losses.count()
	if cursor == "" {
		r.live, r.at = true, a.ring.end
		r.cursor = slices.Clone(a.cursor)
		return r
	}
	c, err := chat.ParseCursor(cursor, len(a.rooms))
	if err != nil {
		r.badCursor, r.cursor = true, slices.Clone(a.cursor)
		return r
	}
	r.cursor = c
	r.join()
	return r
}

// join goes live if the ring continues the cursor exactly. a.mu is held.
func (r *Reader) join() bool {
	i, exact, ok := r.a.seek(r.cursor)
	if !ok || !exact {
		return false
	}
	r.live, r.at = true, r.a.ring.end
	if i < len(r.a.ring.entries) {
		r.at = r.a.ring.entries[i].at
	}
	return true
}

// Cursor is where the reader begins, before the first Next. It is empty when
// the cursor that it came with cannot be parsed: the reset will bring another.
func (r *Reader) Cursor() string {
	if r.badCursor {
		return ""
	}
	return r.cursor.String()
}

// Open is the signal that a stream of this reader begins with, before the first
// Next.
func (r *Reader) Open() chat.Signal {
	rooms := make([]chat.RoomID, len(r.a.rooms))
	for i, rm := range r.a.rooms {
		rooms[i] = rm.id
	}
	return chat.Signal{Kind: chat.Open, Rooms: rooms, Cursor: r.Cursor()}
}

// Live reports whether everything that is left to read is in the ring: from
// then on Adopt can take a connection over.
func (r *Reader) Live() bool { return r.live }

// Next waits for something to read and returns all of it, up to a limit, in
// the rooms' order. Its errors are [ErrLagged], [ErrClosed], a [Loss] and ctx's.
func (r *Reader) Next(ctx context.Context) (b Batch, err error) {
	defer func() { r.endReason = endReasonOf(err) }()
	for {
		if r.hub.ctx.Err() != nil {
			return Batch{}, ErrClosed
		}
		var wait <-chan struct{}
		b, wait, err = r.step(ctx)
		if err != nil || len(b.Items) > 0 {
			return b, err
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-r.wake:
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		case <-r.hub.ctx.Done():
		}
	}
}

// Ready is Next without waiting: an empty batch says that there is nothing now.
func (r *Reader) Ready(ctx context.Context) (Batch, error) {
	for {
		if r.hub.ctx.Err() != nil {
			return Batch{}, ErrClosed
		}
		b, wait, err := r.step(ctx)
		if err != nil || len(b.Items) > 0 || wait != nil {
			return b, err
		}
	}
}

// step returns what is ready, or what to wait for.
func (r *Reader) step(ctx context.Context) (Batch, <-chan struct{}, error) {
	if b := r.fromUser(); len(b.Items) > 0 {
		return b, nil, nil
	}
	if r.badCursor {
		r.badCursor = false
		b, err := r.reset(ctx, nil)
		r.badCursor = err != nil
		return r.retryLater(ctx, b, err)
	}
	r.a.mu.Lock()
	if lost, ok := r.loss(); ok {
		defer r.a.mu.Unlock()
		return Batch{}, nil, lost
	}
	if r.live || r.join() {
		defer r.a.mu.Unlock()
		return r.fromRing()
	}
	i, _, ok := r.a.seek(r.cursor)
	if ok {
		defer r.a.mu.Unlock()
		return r.fromRingAfterCursor(i), nil, nil
	}
	end := slices.Clone(r.a.cursor)
	wait := r.a.grew()
	r.a.mu.Unlock()
	if b, ok := r.fromRooms(end); ok {
		return b, nil, nil
	}
	b, ahead, err := r.fromLog(ctx, end)
	if err == nil && ahead {
		return b, wait, nil
	}
	return r.retryLater(ctx, b, err)
}

// retryLater turns an error of the log into a pause: a reader outlives an outage
// of Redis.
func (r *Reader) retryLater(ctx context.Context, b Batch, err error) (Batch, <-chan struct{}, error) {
	if err == nil || ctx.Err() != nil || !errors.Is(err, chat.ErrUnavailable) {
		return b, nil, err
	}
	pause := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { close(pause) })
	return Batch{}, pause, nil
}

// An Adoption says how the hub serves a connection that it adopts.
type Adoption struct {
	Chunked bool          // the body is in chunks (HTTP/1.1), or else it is plain (HTTP/1.0)
	Ping    time.Duration // a ping is sent when nothing else was for so long; zero: [PingEvery]
	Ends    time.Time     // the stream is ended then; zero: never
	Holder  Holder        // who opened it
}

// Adopt takes over the connection of a live reader: from now on the hub writes
// to it, until the other side closes it, it stalls for [StallLimit], falls off
// the ring, or has to end. A stream that the hub ends gets a bye and, in chunks,
// the last chunk. Adopt reports false, and leaves everything with the caller,
// when the system or the connection does not allow it.
//
// When Adopt reports true, the reader must not be used any more.
func (r *Reader) Adopt(conn net.Conn, as Adoption) bool {
	if !r.live || !r.hub.poller.adopt(r, conn, as) {
		return false
	}
	r.closed = true // the connection holds the audience now
	r.hub.count.waiting.Add(-1)
	for _, sig := range r.hub.users.unregister(r) { // it came while the connection was adopted
		r.hub.SignalUser(r.userID, sig)
	}
	return true
}

// SetEndReason tells the statistics why the caller ends the reader. Without it
// they count what Next failed with, or [Left].
func (r *Reader) SetEndReason(why EndReason) { r.endReason = why }

// Close ends the reader.
func (r *Reader) Close() {
	if !r.closed {
		r.closed = true
		r.hub.count.waiting.Add(-1)
		r.hub.count.ends[r.endReason].Add(1)
		r.hub.users.unregister(r)
		r.hub.release(r.a)
	}
}
