package hub

import (
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
)

// An audience is everybody here who reads the same rooms.
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
	sections []*section    // its connections without a goroutine, one a shard
	scratch  []byte
	marks    [3]uint64 // where the ring ended at the janitor's last visits, the oldest first
}

// newAudience begins an audience with one reader. The audience of one room
// begins with what the room remembers; there are as many others as there are
// choices of rooms, and who comes back to one is served from the rooms.
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

// age lets go of what no reader needs any more: who takes longer than
// StallLimit over a line is cut, so older bytes are only for who comes back.
func (a *audience) age() {
	a.mu.Lock()
	defer a.mu.Unlock()
	keep := 0
	if len(a.rooms) == 1 {
		keep = keepBytes
	}
	a.ring.trim(a.marks[0], keep)
	a.marks = [3]uint64{a.marks[1], a.marks[2], a.ring.end}
}

// add appends an event or a signal to the ring and wakes its readers. The
// room's lock is held.
func (a *audience) add(rm *room, ev event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.place(rm)
	a.scratch = a.scratch[:0]
	if !ev.id.IsZero() {
		a.cursor[i] = ev.id
		a.scratch = a.cursor.Append(a.scratch)
	}
	n := frameSize(a.scratch, ev.kind, ev.json)
	e := entry{room: i, kind: ev.kind, id: ev.id, prev: ev.prev, text: uint32(n - len(ev.json) - 2)}
	a.ring.add(e, n, func(b []byte) []byte { return appendFrame(b, a.scratch, ev.kind, ev.json) })
	a.wake()
}

// reset appends a reset of one room, which goes on after start. The room's
// lock is held.
func (a *audience) reset(rm *room, start chat.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.place(rm)
	a.cursor[i] = start
	a.scratch = a.cursor.Append(a.scratch[:0])
	json := chat.JSON(chat.Signal{Room: rm.id, Kind: chat.Reset, Cursor: string(a.scratch)})
	n := frameSize(a.scratch, chat.Reset, json)
	e := entry{room: i, kind: chat.Reset, text: uint32(n - len(json) - 2), barrier: true}
	a.ring.add(e, n, func(b []byte) []byte { return appendFrame(b, a.scratch, chat.Reset, json) })
	a.wake()
}

func (a *audience) place(rm *room) int {
	return slices.Index(a.rooms, rm)
}

// wake tells whoever waits for the ring to grow. a.mu is held.
func (a *audience) wake() {
	if a.grown != nil {
		close(a.grown)
		a.grown = nil
	}
	for _, s := range a.sections {
		s.mark()
	}
}

// wait is closed when the ring grows. a.mu is held.
func (a *audience) wait() <-chan struct{} {
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
		if i < 0 || es[i].barrier {
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
