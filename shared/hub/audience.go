package hub

import (
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/sse"
)

// An audience is all readers of the same rooms on this machine.
type audience struct {
	hub   *Hub
	name  string
	rooms []*room // sorted by id, as in a cursor

	// Guarded by Hub.mu.
	refs int       // readers
	idle time.Time // since when refs may be 0

	mu       sync.Mutex // guards what follows
	ring     ring
	cursor   chat.Cursor   // after the ring's end
	grown    chan struct{} // closed when the ring grows, if somebody waits
	groups   []*connGroup  // its adopted connections, a group in each shard
	losses   losses        // of the right to read it
	scratch  []byte
	pastEnds [3]uint64 // where the ring ended when the janitor last trimmed it, the oldest first
}

// newAudience begins an audience with one reader. The audience of one room
// begins with the room's recent events. There may be very many audiences of
// several rooms, so they begin empty: a reader that comes back to one is served
// from the recent events of its rooms.
func newAudience(h *Hub, name string, rooms []*room) *audience {
	a := &audience{hub: h, name: name, rooms: rooms, refs: 1, cursor: make(chat.Cursor, len(rooms))}
	for _, rm := range rooms { // all at once, in the one order: no event may fall between two
		rm.mu.Lock()
		defer rm.mu.Unlock()
	}
	for i, rm := range rooms {
		a.cursor[i] = rm.last
		rm.audiences = append(slices.Clone(rm.audiences), a)
	}
	if rm := rooms[0]; len(rooms) == 1 && len(rm.recent) > 0 && !rm.resetting {
		a.cursor[0] = rm.recent[0].prev
		for _, ev := range rm.recent {
			a.add(rm, ev)
		}
	}
	return a
}

// trimOld drops what no reader needs any more. A reader that takes nothing for
// StallLimit is dropped, so older bytes only serve readers that come back.
func (a *audience) trimOld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	keep := 0
	if len(a.rooms) == 1 {
		keep = resumeBytes
	}
	a.ring.trim(a.pastEnds[0], keep)
	a.pastEnds = [3]uint64{a.pastEnds[1], a.pastEnds[2], a.ring.end}
	a.losses.trim()
}

// add appends an event or a signal to the ring and wakes its readers. The
// room's lock is held.
func (a *audience) add(rm *room, ev event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.roomIndex(rm)
	a.scratch = a.scratch[:0]
	if !ev.id.IsZero() {
		a.cursor[i] = ev.id
		a.scratch = a.cursor.Append(a.scratch)
	}
	e := entry{room: int32(i), kind: ev.kind, id: ev.id, prev: ev.prev, target: ev.target}
	if ev.removed() {
		a.ring.skip(e)
		return
	}
	a.ring.add(e, sse.Frame{Type: string(ev.kind), Data: ev.json, ID: a.scratch})
	a.notify()
}

// reset appends a reset of one room, which goes on after start. The room's
// lock is held.
func (a *audience) reset(rm *room, start chat.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.roomIndex(rm)
	a.cursor[i] = start
	a.scratch = a.cursor.Append(a.scratch[:0])
	json := chat.JSON(chat.Signal{Room: rm.id, Kind: chat.Reset, Cursor: string(a.scratch)})
	a.ring.add(entry{room: int32(i), kind: chat.Reset}, sse.Frame{Type: string(chat.Reset), Data: json, ID: a.scratch})
	a.notify()
}

func (a *audience) roomIndex(rm *room) int {
	return slices.Index(a.rooms, rm)
}

// notify wakes everything that waits for the ring to grow. a.mu is held.
func (a *audience) notify() {
	if a.grown != nil {
		close(a.grown)
		a.grown = nil
	}
	for _, g := range a.groups {
		g.schedule()
	}
}

// grew returns a channel that is closed when the ring grows. a.mu is held.
func (a *audience) grew() <-chan struct{} {
	if a.grown == nil {
		a.grown = make(chan struct{})
	}
	return a.grown
}

// seek finds where in the ring a cursor goes on. Exact means that everything
// from there on is for that cursor; otherwise some of it was read already, and
// has to be left out. Not ok means that the ring does not tell. a.mu is held.
//
// A room's events are a chain: the cursor goes on at the event whose prev it
// is. Walking back from the end, every room's place is found on the way.
func (a *audience) seek(c chat.Cursor) (at int, exact, ok bool) {
	es := a.ring.entries
	at = len(es)
	missing := 0
	found := make([]bool, len(c))
	for i := range c {
		if found[i] = c[i] == a.cursor[i]; !found[i] {
			missing++
		}
	}
	first := at
	for i := at - 1; missing > 0; i-- {
		if i < 0 || es[i].kind == chat.Reset { // no cursor from before it goes on here
			return 0, false, false
		}
		e := &es[i]
		if e.id.IsZero() || found[e.room] {
			continue
		}
		if c[e.room].After(e.prev) {
			return 0, false, false
		}
		if c[e.room] == e.prev {
			found[e.room] = true
			missing--
			first = i
		}
	}
	exact = true
	for _, e := range es[first:] {
		if !e.id.IsZero() && !e.id.After(c[e.room]) {
			exact = false
		}
	}
	return first, exact, true
}
