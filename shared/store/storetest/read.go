package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testSinceGoesOnAfterWhatWasDeleted(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var ids []chat.ID
	for i := range 5 {
		ids = append(ids, Say(t, s, Ann, fmt.Sprint(i)).ID)
	}
	for _, i := range []int{1, 2, 3} {
		Add(t, s, chat.Event{Room: Room, Kind: chat.Delete, By: Ann, Target: ids[i]})
	}
	for i, want := range []string{"4", "4", "4", "4", ""} {
		want = strings.TrimSpace(want + " delete: delete: delete:")
		evs, err := s.Since(t.Context(), Room, ids[i], 10)
		if got := Texts(evs); err != nil || got != want {
			t.Errorf("since the %d: %q, %v; want %q", i, got, err, want)
		}
	}
}

// Pass waits until an id that is made now is later.
func Pass(tb testing.TB, id chat.ID) {
	tb.Helper()
	Eventually(tb, time.Second, "the clock goes on", func() error {
		if time.Now().UnixMilli() <= int64(id.MS) {
			return errors.New("it stands")
		}
		return nil
	})
}

func testBeforeGivesPages(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var ids []chat.ID
	for i := range 5 {
		ids = append(ids, Say(t, s, Ann, fmt.Sprint(i)).ID)
	}
	for _, tt := range []struct {
		before chat.ID
		n      int
		want   string
	}{
		{chat.ID{}, 2, "3 4"},
		{chat.ID{}, 9, "0 1 2 3 4"},
		{ids[3], 2, "1 2"},
		{ids[0], 2, ""},
		{chat.ID{MS: 1 << 60}, 1, "4"},
	} {
		if got := Texts(Must(s.Before(t.Context(), Room, tt.before, tt.n))(t)); got != tt.want {
			t.Errorf("%d before %s: %q, want %q", tt.n, tt.before, got, tt.want)
		}
	}
}

func testRoomsAreListedByActivity(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	rooms := func(ids ...chat.RoomID) []chat.Room { return Must(s.Rooms(t.Context(), ids...))(t) }
	if got := rooms(); len(got) != 0 {
		t.Errorf("an empty house has %v", got)
	}
	last := Say(t, s, Ann, "hi").ID
	titled := Add(t, s, chat.Event{Room: "ops", Kind: chat.Title, By: Ann, Text: `Op"s "ü \`})
	Must(s.Here(t.Context(), "s1", "ops", Ann, Bob))(t)
	want := []chat.Room{{ID: "ops", Title: `Op"s "ü \`, Last: titled.ID, People: 2}, {ID: "lobby", Last: last}}
	if got := rooms("ops", "lobby"); !slices.Equal(got, want) {
		t.Errorf("rooms: %+v, want %+v", got, want)
	}
	if got := rooms(); len(got) != 2 {
		t.Errorf("all rooms: %+v", got)
	}
	if got := rooms("nowhere"); !slices.Equal(got, []chat.Room{{ID: "nowhere"}}) {
		t.Errorf("a room that is not: %+v", got)
	}
	ids := Must(s.Last(t.Context(), "lobby", "nowhere", "ops"))(t)
	if !slices.Equal(ids, []chat.ID{last, {}, titled.ID}) {
		t.Errorf("last ids: %v", ids)
	}
}

func testRoomKeepsSoMuch(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{History: 100})
	var evs []chat.Event
	for i := range 450 {
		evs = append(evs, Say(t, s, Ann, fmt.Sprint(i)))
	}
	got := Must(s.Since(t.Context(), Room, chat.ID{}, 1000))(t)
	if len(got) < 100 || len(got) > 100+e.Slack {
		t.Errorf("%d events are kept of about 100", len(got))
	}
	if !slices.Equal(got, evs[450-len(got):]) {
		t.Error("what is kept is not the last")
	}
}

// The oldest go, whatever the sizes: after small lines come large ones, and small
// ones again.
func testRoomKeepsSoManyBytes(t *testing.T, e Engine) {
	const most = 64_000
	s := e.Open(t, store.Options{HistoryBytes: most})
	var evs []chat.Event
	for i := range 900 {
		text := fmt.Sprint(i)
		if i >= 300 && i < 600 {
			text += strings.Repeat("x", 1000)
		}
		evs = append(evs, Say(t, s, Ann, text))
		if i%100 != 99 {
			continue
		}
		got := Must(s.Since(t.Context(), Room, chat.ID{}, 1000))(t)
		if !slices.Equal(got, evs[len(evs)-len(got):]) {
			t.Fatalf("after %d lines, what is kept is not the last", i+1)
		}
		kept, whole := 0, len(got) == len(evs)
		for _, ev := range got {
			kept += len(store.Encode(ev))
		}
		if kept > most || (!whole && kept < most-most/64-2000) {
			t.Errorf("after %d lines, %d bytes are kept of %d", i+1, kept, most)
		}
	}
	long := e.Open(t, store.Options{HistoryBytes: 10})
	for _, text := range []string{"one", "two"} {
		ev := Add(t, long, chat.Event{Room: "small", Kind: chat.Message, By: Bob, Text: text})
		if got := Must(long.Since(t.Context(), "small", chat.ID{}, 10))(t); !slices.Equal(got, []chat.Event{ev}) {
			t.Errorf("a line that is larger than all that is kept: %q", Texts(got))
		}
	}
}

func testIdleRoomForgets(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{Retention: 300 * time.Millisecond})
	first := Say(t, s, Ann, "old")
	Eventually(t, 5*time.Second, "an idle room forgets", func() error {
		if evs := Must(s.Since(t.Context(), Room, chat.ID{}, 10))(t); len(evs) > 0 {
			return fmt.Errorf("it holds %q", Texts(evs))
		}
		return nil
	})
	next := Say(t, s, Ann, "new")
	if next.Prev != first.ID {
		t.Errorf("the chain goes on from %s, want %s", next.Prev, first.ID)
	}
	if evs := Must(s.Since(t.Context(), Room, first.ID, 10))(t); Texts(evs) != "new" {
		t.Errorf("after the old one: %q", Texts(evs))
	}
}

// A room's name is a key to what an engine keeps, of whatever letters it is.
func testRoomIsNamedInAnyScript(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	long := chat.RoomID(strings.Repeat("项", chat.MaxRoomID))
	for _, room := range []chat.RoomID{"项目", "项", "café", long} {
		tp := followRoom(t.Context(), t, s, room)
		ev := Add(t, s, chat.Event{Room: room, Kind: chat.Message, By: Ann, Text: string(room)})
		tp.Hears(5*time.Second, ev.ID)
		Must(s.Here(t.Context(), "s1", room, Ann))(t)
		if got := Must(s.Since(t.Context(), room, chat.ID{}, 10))(t); !slices.Equal(got, []chat.Event{ev}) {
			t.Errorf("%s holds %+v", room, got)
		}
		if got := Must(s.Rooms(t.Context(), room))(t); !slices.Equal(got, []chat.Room{{ID: room, Last: ev.ID, People: 1}}) {
			t.Errorf("%s is known as %+v", room, got)
		}
	}
	if got := Must(s.Rooms(t.Context()))(t); len(got) != 4 {
		t.Errorf("all rooms: %+v", got)
	}
}
