package hub

import (
	"context"
	"errors"
	"slices"

	"confab/shared/chat"
	"confab/shared/sse"
)

// fromRing returns what the ring holds from r.at on. a.mu is held.
func (r *Reader) fromRing() (Batch, <-chan struct{}, error) {
	rg := &r.a.ring
	if r.at < rg.start {
		return Batch{}, nil, ErrLagged
	}
	if r.at == rg.end {
		return Batch{}, r.a.grew(), nil
	}
	var b Batch
	limit := r.at + blockMax
	for i := rg.index(r.at); i < len(rg.entries) && r.at < limit; i++ {
		e := &rg.entries[i]
		r.at = e.at + uint64(e.size)
		if frame, json := rg.item(e); frame != nil {
			b.Items = append(b.Items, Item{Kind: e.kind, Room: r.a.rooms[e.room].id, ID: e.id, JSON: json, frame: frame})
		}
	}
	return b, nil, nil
}

// fromRingAfterCursor copies from the ring what is after the cursor, from entry i
// on, with id lines of the reader's own. a.mu is held.
func (r *Reader) fromRingAfterCursor(i int) Batch {
	var p personal
	for _, e := range r.a.ring.entries[i:] {
		if e.id.IsZero() || !e.id.After(r.cursor[e.room]) {
			continue
		}
		r.cursor[e.room] = e.id
		if _, json := r.a.ring.item(&e); json != nil {
			p.add(r, int(e.room), event{kind: e.kind, id: e.id, json: json})
		}
	}
	return p.Batch
}

// fromLog reads a page of each room, up to where the ring ends. Ahead means that
// a room's cursor is good but names an event that did not arrive here yet.
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
		if !x.removed() {
			p.add(r, x.room, x.event)
		}
	}
	return p.Batch
}

// fromRooms reads the rooms' recent events, up to where the ring ends. Not ok
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
	lost, isLost := r.loss()
	ends := slices.Clone(r.a.cursor) // before the pages are read: what is posted meanwhile comes after them
	r.a.mu.Unlock()
	if isLost {
		return Batch{}, lost
	}
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
	it.JSON, it.frame = json, sse.Frame{Type: string(it.Kind), Data: json, ID: cursor}.Append(nil)
	p.Items = append(p.Items, it)
}
