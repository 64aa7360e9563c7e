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
	hub    *Hub
	a      *audience
	closed bool
	why    Cut // it ended, if it has

	cursor chat.Cursor // where it is, while it reads the log
	odd    bool        // the cursor that it came with is none
	live   bool        // it reads the ring,
	at     uint64      // from this position
}

// A Batch is what was ready. Frames are the SSE bytes of Items; both are
// shared with other readers and must not be written to.
type Batch struct {
	Frames []byte
	Items  []Item
}

// An Item is one event or signal.
type Item struct {
	Kind chat.Kind
	Room chat.RoomID
	ID   chat.ID // zero for a signal
	JSON []byte
}

func newReader(h *Hub, a *audience, cursor string) *Reader {
	h.count.waiting.Add(1)
	r := &Reader{hub: h, a: a}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cursor == "" {
		r.live, r.at = true, a.ring.end
		r.cursor = slices.Clone(a.cursor)
		return r
	}
	c, err := chat.ParseCursor(cursor, len(a.rooms))
	if err != nil {
		r.odd, r.cursor = true, slices.Clone(a.cursor)
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
// the cursor that it came with is none: the reset will bring another.
func (r *Reader) Cursor() string {
	if r.odd {
		return ""
	}
	return r.cursor.String()
}

// Live reports whether everything that is left to read is in the ring: from
// then on the reader may be given a connection by Take.
func (r *Reader) Live() bool { return r.live }

// Next waits for something to read and returns all of it, up to a limit, in
// the rooms' order. Its errors are [ErrLagged], [ErrClosed] and ctx's.
func (r *Reader) Next(ctx context.Context) (b Batch, err error) {
	defer func() { r.why = cutOf(err) }()
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
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		case <-r.hub.ctx.Done():
		}
	}
}

// Ready is Next for who does not wait: an empty batch says that there is
// nothing now.
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
	if r.odd {
		r.odd = false
		b, err := r.reset(ctx, nil)
		r.odd = err != nil
		return r.again(ctx, b, err)
	}
	r.a.mu.Lock()
	if r.live || r.join() {
		defer r.a.mu.Unlock()
		return r.fromRing()
	}
	i, _, ok := r.a.seek(r.cursor)
	if ok {
		defer r.a.mu.Unlock()
		return r.pick(i), nil, nil
	}
	end := slices.Clone(r.a.cursor)
	wait := r.a.wait()
	r.a.mu.Unlock()
	if b, ok := r.fromRooms(end); ok {
		return b, nil, nil
	}
	b, ahead, err := r.fromLog(ctx, end)
	if err == nil && ahead {
		return b, wait, nil
	}
	return r.again(ctx, b, err)
}

// again turns an error of the log into a pause: a reader outlives Redis.
func (r *Reader) again(ctx context.Context, b Batch, err error) (Batch, <-chan struct{}, error) {
	if err == nil || ctx.Err() != nil || !errors.Is(err, chat.ErrUnavailable) {
		return b, nil, err
	}
	pause := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { close(pause) })
	return Batch{}, pause, nil
}

// fromRing returns what the ring holds from r.at on. a.mu is held.
func (r *Reader) fromRing() (Batch, <-chan struct{}, error) {
	rg := &r.a.ring
	if r.at < rg.start {
		return Batch{}, nil, ErrLagged
	}
	b := Batch{Frames: rg.from(r.at)}
	if len(b.Frames) == 0 {
		return b, r.a.wait(), nil
	}
	r.at += uint64(len(b.Frames))
	base := r.at - uint64(len(b.Frames))
	for i := rg.index(base); i < len(rg.entries) && rg.entries[i].at < r.at; i++ {
		e := &rg.entries[i]
		off := e.at - base
		b.Items = append(b.Items, Item{
			Kind: e.kind, Room: r.a.rooms[e.room].id, ID: e.id,
			JSON: b.Frames[off+uint64(e.text) : off+uint64(e.size)-2 : off+uint64(e.size)-2],
		})
	}
	return b, nil, nil
}

// pick takes out of the ring what is after the cursor, from entry i on, with
// id lines of the reader's own. a.mu is held.
func (r *Reader) pick(i int) Batch {
	var p personal
	for _, e := range r.a.ring.entries[i:] {
		if e.id.IsZero() || !e.id.After(r.cursor[e.room]) {
			continue
		}
		frame := r.a.ring.from(e.at)
		r.cursor[e.room] = e.id
		p.add(r, e.room, event{kind: e.kind, id: e.id, json: frame[e.text : e.size-2]})
	}
	return p.Batch
}

// fromLog reads a page of each room, up to where the ring ends. Ahead means
// that a room's cursor is good but was not heard here yet.
func (r *Reader) fromLog(ctx context.Context, end chat.Cursor) (b Batch, ahead bool, err error) {
	var all []read
	var broken []int
	for i, rm := range r.a.rooms {
		if r.cursor[i] == end[i] {
			continue
		}
		evs, err := r.hub.log.Since(ctx, rm.id, r.cursor[i], readPage)
		if errors.Is(err, chat.ErrReset) {
			broken = append(broken, i)
			continue
		}
		if err != nil {
			return Batch{}, false, err
		}
		ahead = ahead || r.cursor[i].After(end[i])
		for _, ev := range evs {
			if !ev.ID.After(end[i]) {
				all = append(all, read{i, encode(ev)})
			}
		}
		// What was deleted leaves nothing to read; the ring goes on after it.
		if len(evs) < readPage && end[i].After(r.cursor[i]) && (len(all) == 0 || all[len(all)-1].room != i) {
			r.cursor[i] = end[i]
		}
	}
	if len(broken) > 0 {
		b, err := r.reset(ctx, broken)
		return b, false, err
	}
	return r.deliver(all), ahead, nil
}

// A read is an event of one of the reader's rooms.
type read struct {
	room int
	event
}

// deliver encodes events for this reader alone, in the order of time.
func (r *Reader) deliver(all []read) Batch {
	slices.SortStableFunc(all, func(x, y read) int { return x.id.Compare(y.id) })
	var p personal
	for _, x := range all {
		r.cursor[x.room] = x.id
		p.add(r, x.room, x.event)
	}
	return p.Batch
}

// fromRooms reads what the rooms remember, up to where the ring ends. Not ok
// means that one of them does not go back that far.
func (r *Reader) fromRooms(end chat.Cursor) (Batch, bool) {
	var all []read
	for i, rm := range r.a.rooms {
		if r.cursor[i] == end[i] {
			continue
		}
		evs, ok := rm.since(r.cursor[i], end[i])
		if !ok {
			return Batch{}, false
		}
		for _, ev := range evs {
			all = append(all, read{i, ev})
		}
	}
	return r.deliver(all), true
}

// reset tells the reader that rooms have a hole (nil: all of them), and gives
// it their last page.
func (r *Reader) reset(ctx context.Context, rooms []int) (Batch, error) {
	sig := chat.Signal{Kind: chat.Reset}
	if rooms == nil {
		for i := range r.a.rooms {
			rooms = append(rooms, i)
		}
	} else if len(rooms) == 1 {
		sig.Room = r.a.rooms[rooms[0]].id
	}
	pages := make([][]chat.Event, len(r.a.rooms))
	next := slices.Clone(r.cursor)
	r.a.mu.Lock()
	ends := slices.Clone(r.a.cursor) // before the pages are read: what is said meanwhile comes after them
	r.a.mu.Unlock()
	for _, i := range rooms {
		page, err := r.hub.log.Before(ctx, r.a.rooms[i].id, chat.ID{}, lastPage)
		if err != nil {
			return Batch{}, err
		}
		end := ends[i]
		page = slices.DeleteFunc(page, func(ev chat.Event) bool { return ev.ID.After(end) })
		pages[i], next[i] = page, end
		if len(page) > 0 {
			next[i] = page[0].Prev
		}
	}
	r.cursor = next
	sig.Cursor = r.cursor.String()
	var p personal
	p.frame([]byte(sig.Cursor), Item{Kind: chat.Reset, Room: sig.Room}, chat.JSON(sig))
	for i, page := range pages {
		for _, ev := range page {
			r.cursor[i] = ev.ID
			p.add(r, i, encode(ev))
		}
	}
	return p.Batch, nil
}

// A personal batch is encoded for one reader.
type personal struct{ Batch }

func (p *personal) add(r *Reader, room int, ev event) {
	p.frame(r.cursor.Append(nil), Item{Kind: ev.kind, Room: r.a.rooms[room].id, ID: ev.id}, ev.json)
}

func (p *personal) frame(cursor []byte, it Item, json []byte) {
	p.Frames = appendFrame(p.Frames, cursor, it.Kind, json)
	it.JSON = json
	p.Items = append(p.Items, it)
}

// Take gives the connection of a live reader away: from now on the hub writes
// to it, until the other side goes, it stalls for [StallLimit], falls off the
// ring, or until ends, if that is not zero. Then it is closed and gone is
// called. Take reports false, and leaves everything with the caller, when the
// system or the connection does not allow it.
//
// The reader is used up either way when Take reports true.
func (r *Reader) Take(conn net.Conn, ends time.Time, gone func()) bool {
	if !r.live || !r.hub.seats.take(r, conn, ends, gone) {
		return false
	}
	r.closed = true // the seat holds the audience now
	r.hub.count.waiting.Add(-1)
	return true
}

// EndFor has the statistics know why the caller ends the reader. They take it
// for [Left] else, or for what Next failed with.
func (r *Reader) EndFor(why Cut) { r.why = why }

// Close lets go of the reader.
func (r *Reader) Close() {
	if !r.closed {
		r.closed = true
		r.hub.count.waiting.Add(-1)
		r.hub.count.cuts[r.why].Add(1)
		r.hub.release(r.a)
	}
}
