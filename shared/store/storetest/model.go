package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"

	"pgregory.net/rapid"
)

// A model of one room: what is appended, changed and read is what a plain
// slice would give.
func testLogIsAsTheModelSays(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		m := &model{tb: t, s: s, room: chat.RoomID(fmt.Sprint("room", rounds))}
		rt.Repeat(map[string]func(*rapid.T){"say": m.say, "edit": m.edit, "delete": m.delete, "since": m.since, "before": m.before})
	})
}

type model struct {
	tb   testing.TB
	s    store.Store
	room chat.RoomID
	all  []chat.Event // as they were appended
	gone map[chat.ID]bool
}

func (m *model) append(rt *rapid.T, ev chat.Event) {
	ev.Room, ev.By = m.room, Ann
	got, replayed, err := m.s.Append(m.tb.Context(), ev)
	if err != nil || replayed {
		rt.Fatal(replayed, err)
	}
	m.all = append(m.all, got.Event)
}

func (m *model) messages() []chat.Event {
	return slices.DeleteFunc(m.present(), func(ev chat.Event) bool { return ev.Kind != chat.Message })
}

func (m *model) present() []chat.Event {
	last := map[chat.ID]chat.Event{} // edit of a message
	for _, ev := range m.all {
		if ev.Kind == chat.Edit {
			last[ev.Target] = ev
		}
	}
	evs := slices.DeleteFunc(slices.Clone(m.all), func(ev chat.Event) bool {
		return m.gone[ev.ID] || ev.Kind == chat.Edit && (m.gone[ev.Target] || last[ev.Target].ID != ev.ID)
	})
	for i, ev := range evs {
		if edit, edited := last[ev.ID]; edited {
			evs[i].Text = edit.Text
		}
	}
	return evs
}

func (m *model) say(rt *rapid.T) {
	m.append(rt, chat.Event{Kind: chat.Message, Text: rapid.StringN(1, 20, -1).Draw(rt, "text")})
}

func (m *model) pick(rt *rapid.T) chat.Event {
	if len(m.messages()) == 0 {
		rt.Skip("nothing was said")
	}
	return rapid.SampledFrom(m.messages()).Draw(rt, "target")
}

func (m *model) edit(rt *rapid.T) {
	m.append(rt, chat.Event{Kind: chat.Edit, Target: m.pick(rt).ID, Text: rapid.SampledFrom([]string{"edited", "again"}).Draw(rt, "text")})
}

func (m *model) delete(rt *rapid.T) {
	target := m.pick(rt).ID
	m.append(rt, chat.Event{Kind: chat.Delete, Target: target})
	if m.gone == nil {
		m.gone = map[chat.ID]bool{}
	}
	m.gone[target] = true
}

// since reads from anywhere that a reader may have been, in pages.
func (m *model) since(rt *rapid.T) {
	if len(m.all) == 0 {
		rt.Skip("nothing was said")
	}
	after := rapid.SampledFrom(m.all).Draw(rt, "after").ID
	var want, got []chat.Event
	for _, ev := range m.present() {
		if ev.ID.After(after) {
			want = append(want, ev)
		}
	}
	for cursor := after; ; {
		page, err := m.s.Since(m.tb.Context(), m.room, cursor, 3)
		if errors.Is(err, chat.ErrReset) && cursor == after && m.headless(after) {
			return
		}
		if err != nil {
			rt.Fatalf("since %s: %v", cursor, err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		cursor = page[len(page)-1].ID
	}
	if !slices.Equal(got, want) {
		rt.Fatalf("since %s: %q, want %q", after, Texts(got), Texts(want))
	}
}

// headless reports whether everything up to the event after id was deleted:
// the log cannot tell that from trimming, and says reset.
func (m *model) headless(id chat.ID) bool {
	present := m.present()
	return len(present) == 0 || present[0].Prev.After(id)
}

func (m *model) before(rt *rapid.T) {
	n := rapid.IntRange(1, 5).Draw(rt, "n")
	got, err := m.s.Before(m.tb.Context(), m.room, chat.ID{}, n)
	want := m.present()
	if want = want[max(0, len(want)-n):]; err != nil || !slices.Equal(got, want) {
		rt.Fatalf("last %d: %q, %v; want %q", n, Texts(got), err, Texts(want))
	}
}
