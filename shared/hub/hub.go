// Package hub delivers the events of rooms to all their readers on this machine.
//
// It follows each room once, whatever the number of its readers. Readers of the
// same set of rooms are an audience: they share one run of encoded bytes, the
// audience's ring, and a reader is no more than a position in it. There is no
// queue for a reader, so a slow one costs nothing and delays nobody. One that
// falls off the ring is disconnected and comes back with its cursor.
//
// There are two kinds of reader. A goroutine may call [Reader.Next]. A plain
// TCP connection may be adopted by the hub, see [Reader.Adopt]: from then on it
// has no goroutine, and the hub writes to it from a few loops that own all such
// connections. Both send the same bytes.
//
// Whoever loses the right to read a room is ended by the event that takes it, see
// [Loss].
//
// The hub keeps its ring in the form that nearly every reader wants, SSE; the
// events inside are there for the others.
//
// # Order of locks
//
// A goroutine that holds one of these locks may take only those below it:
//
//	shard.mu      the connections of a shard; the callback of an ended one runs under it
//	Hub.mu        rooms and audiences, and who uses them
//	room.mu       a room's recent events, and its audiences; of several rooms, the first by name first
//	audience.mu   a ring
//	shard.todoMu  the groups that have something to write
//	users.mu      the readers of each user, and what waits for them
//
// No lock is held over a call of the [Log].
package hub

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
)

// Limits of one audience and of one room, in one place.
const (
	ringBytes   = 1 << 20   // encoded events that an audience keeps at most,
	resumeBytes = 256 << 10 // and what the audience of one room keeps for readers that come back
	recentCount = 256       // events that a room keeps for audiences to begin with,
	recentBytes = 128 << 10 // and their encoded size
	lastPage    = 50        // events of a room that follow a reset
	readPage    = 256       // events of a room that are read from the log at once
	openTimeout = 3 * time.Second
	linger      = 30 * time.Second // how long an audience, then a room, stays without readers
)

// Intervals that readers notice.
const (
	PingEvery  = 15 * time.Second // a ping is sent when nothing else was for so long
	StallLimit = 8 * time.Second  // a connection that takes nothing for so long is dropped, two seconds later at most

	revokedRetry = 2 * time.Second // a connection whose right is to be looked at comes back within so long
)

var (
	// ErrLagged says that a reader fell off its ring. It may come back with
	// its cursor.
	ErrLagged = errors.New("reader fell behind")
	// ErrClosed says that the hub was closed. Readers come back elsewhere.
	ErrClosed = errors.New("hub closed")
)

// A Log is what the hub needs of the store.
type Log interface {
	// Follow tells l what happens after the id that it returns, until ctx
	// ends. It returns once nothing that happens is missed any more.
	Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error)
	// Since returns up to n events after an id, or chat.ErrReset when the
	// log does not continue it.
	Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error)
	// Before returns the last n events before an id; the zero id is after all.
	Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error)
	// Facts are those that package access needs about a user in each room.
	Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error)
}

// A Hub has all rooms that are read on this machine.
type Hub struct {
	log    Log
	slog   *slog.Logger
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	poller poller // writes to the adopted connections
	users  users
	count  counters
	seed   maphash.Seed // of hashUser

	mu        sync.Mutex // guards what follows, and refs and idle of what is in it
	rooms     map[chat.RoomID]*room
	audiences map[string]*audience
}

// New makes a hub over a log. It must be closed.
func New(log Log, logger *slog.Logger) *Hub {
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &Hub{
		log: log, slog: logger, ctx: ctx, cancel: cancel, seed: maphash.MakeSeed(),
		rooms: map[chat.RoomID]*room{}, audiences: map[string]*audience{},
		users: users{kick: make(chan struct{}, 1), readers: map[string][]*Reader{}, pending: map[string][]chat.Signal{}},
	}
	h.poller.open(h)
	h.wg.Go(h.janitor)
	h.wg.Go(h.signalUsers)
	return h
}

// Close ends every reader. Those in Next get [ErrClosed]. Adopted connections
// get a bye and are closed; the times after which they come back are spread
// over spread. Close returns when all of them are gone.
func (h *Hub) Close(spread time.Duration) {
	h.cancel(ErrClosed)
	h.poller.close(spread)
	h.wg.Wait()
}

// Read makes a reader of up to 32 rooms, which must be sorted and distinct
// (see [chat.Rooms]), for a user, or for nobody by the empty id. It begins after
// the cursor, in the cursor's text form; the empty cursor is the rooms' present
// end. A cursor that cannot be parsed, or that a room's log does not continue, is
// no error: the reader gets a reset first.
//
// It fails with [chat.ErrUnavailable] when a room cannot be followed. The reader
// must be closed, or its connection adopted. Before it is read, the caller must
// look at the user's rights, see [Loss], but in rooms that are [Hub.Unruled].
func (h *Hub) Read(ctx context.Context, user string, rooms []chat.RoomID, cursor string) (*Reader, error) {
	a, err := h.audience(ctx, rooms)
	if err != nil {
		return nil, err
	}
	return newReader(h, a, user, cursor), nil
}

// Signal sends a signal to all readers of a room on this machine.
func (h *Hub) Signal(sig chat.Signal) {
	h.mu.Lock()
	rm := h.rooms[sig.Room]
	h.mu.Unlock()
	if rm != nil {
		rm.Signal(sig)
	}
}

// audience finds or makes the audience of these rooms and counts one more
// reader in it.
func (h *Hub) audience(ctx context.Context, ids []chat.RoomID) (*audience, error) {
	var name strings.Builder
	for _, id := range ids {
		name.WriteString(string(id))
		name.WriteByte(' ')
	}
	h.mu.Lock()
	if a := h.audiences[name.String()]; a != nil {
		a.refs++
		h.mu.Unlock()
		return a, nil
	}
	rooms := make([]*room, len(ids))
	for i, id := range ids {
		rooms[i] = h.acquireRoom(id)
	}
	h.mu.Unlock()
	err := h.await(ctx, rooms)

	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.audiences[name.String()]; a != nil && err == nil { // another reader was quicker
		h.releaseRooms(rooms)
		a.refs++
		return a, nil
	}
	if err != nil {
		h.releaseRooms(rooms)
		return nil, err
	}
	a := newAudience(h, name.String(), rooms)
	h.audiences[a.name] = a
	return a, nil
}

// acquireRoom finds or makes a room and counts one more audience in it. h.mu is held.
func (h *Hub) acquireRoom(id chat.RoomID) *room {
	rm := h.rooms[id]
	if rm == nil {
		rm = newRoom(h, id)
		h.rooms[id] = rm
		h.wg.Go(rm.open)
	}
	rm.refs++
	return rm
}

// releaseRooms takes back what acquireRoom counted. h.mu is held.
func (h *Hub) releaseRooms(rooms []*room) {
	for _, rm := range rooms {
		rm.refs--
		rm.idle = time.Now()
	}
}

func (h *Hub) await(ctx context.Context, rooms []*room) error {
	for _, rm := range rooms {
		select {
		case <-rm.ready:
			if rm.err != nil {
				return fmt.Errorf("open %s: %w", rm.id, rm.err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.ctx.Done():
			return ErrClosed
		}
	}
	return nil
}

// release counts one reader less.
func (h *Hub) release(a *audience) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.refs--
	a.idle = time.Now()
}

// janitor drops audiences, and then rooms, that nobody has read for a while.
// They stay that long so that a crowd whose connections were cut and that comes
// back reads their rings, and not Redis.
func (h *Hub) janitor() {
	tick := time.NewTicker(linger / 6)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.dropIdle(time.Now().Add(-linger))
		case <-h.ctx.Done():
			return
		}
	}
}

func (h *Hub) dropIdle(before time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, a := range h.audiences {
		a.trimOld()
		if a.refs == 0 && a.idle.Before(before) {
			delete(h.audiences, name)
			for _, rm := range a.rooms {
				rm.removeAudience(a)
			}
			h.releaseRooms(a.rooms)
		}
	}
	for id, rm := range h.rooms {
		if rm.refs == 0 && rm.idle.Before(before) {
			delete(h.rooms, id)
			rm.cancel()
		}
	}
}

// CanAdopt reports whether this system allows [Reader.Adopt].
func (h *Hub) CanAdopt() bool { return h.poller.ready() }
