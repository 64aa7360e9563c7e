package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
)

// A room is one room's events, encoded once for all audiences.
type room struct {
	hub    *Hub
	id     chat.RoomID
	ctx    context.Context
	cancel context.CancelFunc
	ready  chan struct{} // closed when the room is followed, or err is set
	err    error

	// Guarded by Hub.mu.
	refs int       // audiences, and those being made
	idle time.Time // since when refs may be 0

	mu        sync.Mutex // guards what follows; taken before an audience's
	last      chat.ID
	resets    int     // how often the room's log broke off,
	begin     chat.ID // and after what it went on, the last time
	recent    []event
	size      int // bytes of JSON in recent
	audiences []*audience
	resetting bool // the last page is being read
	ruled     bool // it has, or may have, rules about who may read it
}

func newRoom(h *Hub, id chat.RoomID) *room {
	rm := &room{hub: h, id: id, ready: make(chan struct{})}
	rm.ctx, rm.cancel = context.WithCancel(h.ctx)
	return rm
}

// open follows the room first and reads its past second, so no event falls
// between the two.
func (rm *room) open() {
	timeout := time.AfterFunc(openTimeout, rm.cancel)
	first, err := rm.hub.log.Follow(rm.ctx, rm.id, rm)
	if !timeout.Stop() && err == nil {
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
		rm.hub.slog.Warn("reading the recent events of a room failed", "room", rm.id, "err", err)
	}
	ruled := rm.readRules(ctx)
	rm.mu.Lock()
	rm.ruled = rm.ruled || ruled
	if rm.resets == 0 {
		rm.begin = first
		if len(rm.recent) == 0 {
			rm.last = first
		}
		rm.rebuildRecent(past)
	}
	rm.mu.Unlock()
	close(rm.ready)
}

// continues has the room remember a page of its past, up to where it began,
// and then what was heard since. The page may hold some of that, too. rm.mu is
// held.
func (rm *room) rebuildRecent(page []chat.Event) {
	received := rm.recent
	rm.recent, rm.size = nil, 0
	if len(received) == 0 || !received[0].prev.After(rm.begin) { // else more was received than is kept
		for _, ev := range page {
			if !ev.ID.After(rm.begin) {
				rm.remember(encode(ev))
			}
		}
	}
	for _, ev := range received {
		rm.remember(ev)
	}
}

// fail answers all that wait, and lets the next reader try again.
func (rm *room) fail(err error) {
	rm.hub.mu.Lock()
	delete(rm.hub.rooms, rm.id)
	rm.hub.mu.Unlock()
	rm.cancel()
	rm.err = err
	close(rm.ready)
}

// remember adds an event to the recent ones. They are never changed in place:
// readers hold on to them. rm.mu is held.
func (rm *room) remember(ev event) {
	rm.rewriteRecent(ev)
	rm.recent = append(rm.recent, ev)
	rm.size += len(ev.json)
	for len(rm.recent) > recentCount || rm.size > recentBytes {
		rm.size -= len(rm.recent[0].json)
		rm.recent = rm.recent[1:]
	}
}

// since returns the recent events after an id and up to another. It reports
// false when they do not go back that far. What it returns is never changed.
func (rm *room) since(after, upTo chat.ID) ([]event, bool) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	if rm.resetting { // what was received is not in the rings yet
		return nil, false
	}
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

// Event adds an event to the ring of every audience. It implements chat.Listener.
func (rm *room) Event(l chat.Line) {
	e := newEvent(l)
	rm.hub.count.event(e.id)
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.last = e.id
	rm.remember(e)
	lost, some := rm.lossBy(l)
	rm.ruled = rm.ruled || some || l.Kind == chat.Standings || l.Set != chat.Change{}
	for _, a := range rm.audiences {
		a.rewrite(rm, e)
		if some {
			a.lose(lost)
		}
	}
	if rm.resetting { // deliverReset adds it, after the last page
		return
	}
	for _, a := range rm.audiences {
		a.add(rm, e)
	}
}

// Signal adds a signal to the ring of every audience. It implements chat.Listener.
func (rm *room) Signal(sig chat.Signal) {
	e := event{kind: sig.Kind, json: chat.JSON(sig)}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	for _, a := range rm.audiences {
		a.add(rm, e)
	}
}

// Reset starts over after the room's log broke off: every reader gets a reset
// and the last page. It implements chat.Listener.
func (rm *room) Reset(last chat.ID) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.last, rm.begin, rm.recent, rm.size = last, last, nil, 0
	rm.resets++
	if !rm.resetting {
		rm.resetting = true
		rm.hub.wg.Go(rm.reset)
	}
}

func (rm *room) reset() {
	for {
		rm.mu.Lock()
		resets := rm.resets
		rm.mu.Unlock()
		page, err := rm.readPage()
		ruled := rm.readRules(rm.ctx)
		if err != nil { // the hub closes; its readers resume elsewhere or later
			rm.hub.slog.Warn("reading a room's log after a reset failed", "room", rm.id, "err", err)
		}
		rm.mu.Lock()
		rm.ruled = rm.ruled || ruled
		if err != nil || rm.resets == resets {
			defer rm.mu.Unlock()
			rm.deliverReset(page)
			return
		}
		rm.mu.Unlock()
	}
}

// deliverReset adds a reset to every ring, then the last page, then what was
// received while it was read. rm.mu is held.
func (rm *room) deliverReset(page []chat.Event) {
	rm.rebuildRecent(page)
	rm.resetting = false
	start := rm.last
	if len(rm.recent) > 0 {
		start = rm.recent[0].prev
	}
	for _, a := range rm.audiences {
		if rm.ruled { // what took somebody's right may be among what was missed
			a.lose(loss{}) // everybody
		}
		a.reset(rm, start)
		for _, ev := range rm.recent {
			a.add(rm, ev)
		}
	}
}

// readPage reads the last page. It tries again for as long as the room is open.
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

// Unruled reports whether it is known here that everybody may read what was said
// in a room up to an event: that it has no rules and nobody was banned from it.
func (h *Hub) Unruled(id chat.RoomID, upTo chat.ID) bool {
	h.mu.Lock()
	rm := h.rooms[id]
	h.mu.Unlock()
	if rm == nil {
		return false
	}
	select {
	case <-rm.ready:
	default:
		return false
	}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	return rm.err == nil && !rm.ruled && !rm.resetting && !upTo.After(rm.last)
}

// readRules reports whether the room has rules about who may read it, or may have
// them.
func (rm *room) readRules(ctx context.Context) bool {
	if rm.id.Hidden() {
		return true
	}
	facts, err := rm.hub.log.Facts(ctx, "", rm.id)
	return err != nil || facts[0].Room.Ruled()
}

func (rm *room) removeAudience(a *audience) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.audiences = slices.DeleteFunc(slices.Clone(rm.audiences), func(b *audience) bool { return a == b })
}
