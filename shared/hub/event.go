package hub

import (
	"encoding/json"
	"slices"

	"confab/shared/chat"
)

// An event is an event or a signal of a room, encoded.
type event struct {
	kind     chat.Kind
	id, prev chat.ID // zero for a signal
	target   chat.ID // of an event that removes or replaces text
	json     []byte  // nil: removed
}

func newEvent(l chat.Line) event {
	e := event{kind: l.Kind, id: l.ID, prev: l.Prev, json: l.JSON}
	if rule, _ := l.Kind.Rule(); rule.RemovesText || rule.ReplacesText {
		e.target = l.Target
	}
	return e
}

func encode(ev chat.Event) event { return newEvent(chat.NewLine(ev)) }

// removed reports whether nothing is left of the event but its place.
func (ev *event) removed() bool { return ev.json == nil }

// A text that was deleted or replaced is kept nowhere in memory, and no reader
// that has not begun to receive it gets it any more. The event that did it is
// applied to what came before it, in a room's recent events and in the rings: a
// deleted event and its edits leave only their places, so that cursors still
// find what follows; an edited event carries its last text, and its earlier
// edits leave only their places.
//
// Decision: the bytes of a frame are not overwritten, because a reader may be
// in the middle of them. The block with the frame is copied without it, and a
// patch stands in the ring for what is sent instead. A reader in the middle of
// the frame keeps the old bytes until it has the rest, or is dropped as
// stalled. Turned down: filling the frame up to its old length, which cannot
// carry a longer text, and tells how long the deleted one was.

// rewritten returns what is left of an event that another one, which removes or
// replaces text, is about. It reports false if nothing changes.
func (ev *event) rewritten(id chat.ID, target chat.ID, old func() []byte) (json []byte, changed bool) {
	rule, _ := ev.kind.Rule()
	switch {
	case ev.target.IsZero() || (id != ev.target && target != ev.target):
		return nil, false
	case id == ev.target && rule.ReplacesText:
		return withTextOf(old(), ev.json), true
	}
	return nil, true
}

// withTextOf is an event's JSON with the text of another one's.
func withTextOf(old, replacement []byte) []byte {
	var ev, other chat.Event
	if json.Unmarshal(old, &ev) != nil || json.Unmarshal(replacement, &other) != nil {
		return nil // both were encoded here
	}
	ev.Text = other.Text
	return chat.JSON(ev)
}

// rewriteRecent applies an event to the recent ones before it. rm.mu is held.
func (rm *room) rewriteRecent(ev event) {
	if ev.target.IsZero() {
		return
	}
	recent := slices.Clone(rm.recent)
	for i := range recent {
		old := &recent[i]
		if old.removed() {
			continue
		}
		if json, changed := ev.rewritten(old.id, old.target, func() []byte { return old.json }); changed {
			rm.size += len(json) - len(old.json)
			old.json = json
		}
	}
	rm.recent = recent
}

// rewrite applies an event to the ring. The room's lock is held.
func (a *audience) rewrite(rm *room, ev event) {
	if ev.target.IsZero() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	room := int32(a.roomIndex(rm))
	for i := len(a.ring.entries) - 1; i >= 0; i-- {
		e := &a.ring.entries[i]
		if e.room != room || e.id.IsZero() {
			continue
		}
		if ev.target.After(e.id) { // neither the target nor about it
			return
		}
		json, changed := ev.rewritten(e.id, e.target, func() []byte { _, old := a.ring.item(e); return old })
		if changed {
			a.ring.replace(e, json)
		}
	}
}
