package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
)

// A room is one room's feed, encoded once for all audiences.
type room struct {
	hub    *Hub
	id     chat.RoomID
	ctx    context.Context
	cancel context.CancelFunc
	ready  chan struct{} // closed when the room is heard, or err is set
	err    error

	// Guarded by Hub.mu.
	refs int       // audiences, and those being made
	idle time.Time // since when refs may be 0

	mu        sync.Mutex // guards what follows; taken before an audience's
	last      chat.ID
	recent    []event
	size      int // bytes of JSON in recent
	audiences []*audience
	resetting bool // the last page is being read
}

// An event, encoded.
type event struct {
	kind     chat.Kind
	id, prev chat.ID // zero for a signal
	json     []byte
}

func encode(ev chat.Event) event {
	return event{kind: ev.Kind, id: ev.ID, prev: ev.Prev, json: chat.JSON(ev)}
}

func newRoom(h *Hub, id chat.RoomID) *room {
	rm := &room{hub: h, id: id, ready: make(chan struct{})}
	rm.ctx, rm.cancel = context.WithCancel(h.ctx)
	return rm
}

// open hears the room first and reads its past second, so no event falls
// between the two.
func (rm *room) open() {
	late := time.AfterFunc(openTimeout, rm.cancel)
	first, err := rm.hub.log.Follow(rm.ctx, rm.id, rm)
	if !late.Stop() && err == nil {
		err = chat.ErrUnavailable
	}
	if err != nil {
		rm.fail(err)
		return
	}
	ctx, cancel := context.WithTimeout(rm.ctx, openTimeout)
	defer cancel()
	past, err := rm.hub.log.Before(ctx, rm.id, chat.ID{}, recentCount)
	if err != nil {
		rm.hub.slog.Warn("room opened without its past", "room", rm.id, "err", err)
	}
	rm.mu.Lock()
	live := rm.recent
	rm.recent, rm.size = nil, 0
	for _, ev := range past {
		if !ev.ID.After(first) {
			rm.remember(encode(ev))
		}
	}
	for _, ev := range live {
		rm.remember(ev)
	}
	if !rm.last.After(first) {
		rm.last = first
	}
	rm.mu.Unlock()
	close(rm.ready)
}

// fail answers whoever waits, and makes room for the next attempt.
func (rm *room) fail(err error) {
	rm.hub.mu.Lock()
	delete(rm.hub.rooms, rm.id)
	rm.hub.mu.Unlock()
	rm.cancel()
	rm.err = err
	close(rm.ready)
}

// remember keeps an event for audiences to come. What was remembered is never
// changed in place: readers hold on to it. rm.mu is held.
func (rm *room) remember(ev event) {
	rm.recent = append(rm.recent, ev)
	rm.size += len(ev.json)
	for len(rm.recent) > recentCount || rm.size > recentBytes {
		rm.size -= len(rm.recent[0].json)
		rm.recent = rm.recent[1:]
	}
}

// since returns what the room remembers after an id and up to another, if it
// remembers what came next after the one. What it returns is never changed.
func (rm *room) since(after, upTo chat.ID) ([]event, bool) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	from := slices.IndexFunc(rm.recent, func(ev event) bool { return ev.prev == after })
	if from < 0 {
		return nil, false
	}
	evs := rm.recent[from:]
	if k := slices.IndexFunc(evs, func(ev event) bool { return ev.id.After(upTo) }); k >= 0 {
		evs = evs[:k]
	}
	return evs, true
}

// Event hands an event to every audience. It implements chat.Listener.
func (rm *room) Event(ev chat.Event) {
	e := encode(ev)
	rm.hub.count.event(e.id)
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.last = e.id
	rm.remember(e)
	if rm.resetting { // reset hands it on, after the last page
		return
	}
	for _, a := range rm.audiences {
		a.add(rm, e)
	}
}

// Signal hands a signal to every audience. It implements chat.Listener.
func (rm *room) Signal(sig chat.Signal) {
	e := event{kind: sig.Kind, json: chat.JSON(sig)}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	for _, a := range rm.audiences {
		a.add(rm, e)
	}
}

// Reset begins the room anew after its log broke off: everybody gets a reset
// and the last page. It implements chat.Listener.
func (rm *room) Reset(last chat.ID) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.last, rm.recent, rm.size = last, nil, 0
	if !rm.resetting {
		rm.resetting = true
		rm.hub.wg.Go(rm.reset)
	}
}

func (rm *room) reset() {
	page, err := rm.readPage()
	if err != nil { // the room goes; its readers resume elsewhere or later
		rm.hub.slog.Warn("room not read after a reset", "room", rm.id, "err", err)
	}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	heard := rm.recent
	rm.recent, rm.size, rm.resetting = nil, 0, false
	var after chat.ID
	for _, ev := range page {
		if len(heard) > 0 && !heard[0].id.After(ev.ID) { // from here on it was heard as well
			break
		}
		rm.remember(encode(ev))
		after = ev.ID
	}
	for _, ev := range heard {
		if ev.id.After(after) {
			rm.remember(ev)
		}
	}
	start := rm.last
	if len(rm.recent) > 0 {
		start = rm.recent[0].prev
	}
	for _, a := range rm.audiences {
		a.reset(rm, start)
		for _, ev := range rm.recent {
			a.add(rm, ev)
		}
	}
}

// readPage reads the last page, for as long as the room lives.
func (rm *room) readPage() ([]chat.Event, error) {
	for {
		ctx, cancel := context.WithTimeout(rm.ctx, openTimeout)
		page, err := rm.hub.log.Before(ctx, rm.id, chat.ID{}, lastPage)
		cancel()
		if err == nil || rm.ctx.Err() != nil {
			return page, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-rm.ctx.Done():
			return nil, errors.Join(err, rm.ctx.Err())
		}
	}
}

func (rm *room) dismiss(a *audience) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.audiences = slices.DeleteFunc(slices.Clone(rm.audiences), func(b *audience) bool { return a == b })
}
