package redis_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

func TestSinceTellsWhereTheLogBrokeOff(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var ids []chat.ID
		for i := range 6 {
			ids = append(ids, say(t, s, ann, fmt.Sprint(i)).ID)
		}
		ask := func(after chat.ID, want string) {
			t.Helper()
			evs, err := s.Since(t.Context(), room, after, 10)
			if got := texts(evs); err != nil || got != want {
				t.Errorf("since %s: %q, %v; want %q", after, got, err, want)
			}
		}
		reset := func(what string, after chat.ID) {
			t.Helper()
			if evs, err := s.Since(t.Context(), room, after, 10); !errors.Is(err, chat.ErrReset) {
				t.Errorf("%s: %q, %v; want a reset", what, texts(evs), err)
			}
		}
		ask(chat.ID{}, "0 1 2 3 4 5")
		ask(ids[2], "3 4 5")
		ask(ids[5], "")
		reset("future", chat.ID{MS: ids[5].MS + 1})
		reset("never given", chat.ID{MS: ids[0].MS, Seq: 99_999})
		reset("before the first", chat.ID{MS: 1})

		rdb := s.Redis()
		must(rdb.XTrimMinID(t.Context(), "confab:{lobby}:log", ids[3].String()).Result())(t)
		ask(ids[2], "3 4 5")
		reset("trimmed", ids[1])

		kept := must(rdb.HGet(t.Context(), "confab:{lobby}:meta", "last").Result())(t)
		must(rdb.Del(t.Context(), "confab:{lobby}:log").Result())(t)
		reset("log lost, "+kept+" known", ids[4])
		ask(ids[5], "")

		pass(t, ids[5])
		must(rdb.FlushAll(t.Context()).Result())(t)
		reset("flushed", ids[5])
		say(t, s, ann, "anew")
		reset("begun anew", ids[5])
		ask(chat.ID{}, "anew")
		if evs := must(s.Since(t.Context(), "elsewhere", chat.ID{}, 10))(t); len(evs) != 0 {
			t.Errorf("an empty room holds %q", texts(evs))
		}
	})
}

func TestSinceGoesOnAfterWhatWasDeleted(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var ids []chat.ID
		for i := range 5 {
			ids = append(ids, say(t, s, ann, fmt.Sprint(i)).ID)
		}
		for _, i := range []int{1, 2, 3} {
			add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: ids[i]})
		}
		for i, want := range []string{"4", "4", "4", "4", ""} {
			want = strings.TrimSpace(want + " delete: delete: delete:")
			evs, err := s.Since(t.Context(), room, ids[i], 10)
			if got := texts(evs); err != nil || got != want {
				t.Errorf("since the %d: %q, %v; want %q", i, got, err, want)
			}
		}
	})
}

// pass waits until an id that is made now is later.
func pass(tb testing.TB, id chat.ID) {
	tb.Helper()
	eventually(tb, time.Second, "the clock goes on", func() error {
		if time.Now().UnixMilli() <= int64(id.MS) {
			return errors.New("it stands")
		}
		return nil
	})
}

// A restored copy is older than what readers saw, and goes on by itself.
func TestSinceTellsOfARestoredCopy(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		rdb := s.Redis()
		old := say(t, s, ann, "old")
		lost := say(t, s, ann, "lost")
		must(rdb.XDel(t.Context(), "confab:{lobby}:log", lost.ID.String()).Result())(t)
		must(rdb.HSet(t.Context(), "confab:{lobby}:meta", "last", old.ID.String()).Result())(t)
		if _, err := s.Since(t.Context(), room, lost.ID, 10); !errors.Is(err, chat.ErrReset) {
			t.Errorf("at once: %v", err)
		}
		pass(t, lost.ID)
		say(t, s, ann, "new")
		if _, err := s.Since(t.Context(), room, lost.ID, 10); !errors.Is(err, chat.ErrReset) {
			t.Errorf("after it went on: %v", err)
		}
		if got := texts(must(s.Since(t.Context(), room, old.ID, 10))(t)); got != "new" {
			t.Errorf("a reader of the copy gets %q", got)
		}
	})
}

func TestBeforeGivesPages(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var ids []chat.ID
		for i := range 5 {
			ids = append(ids, say(t, s, ann, fmt.Sprint(i)).ID)
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
			if got := texts(must(s.Before(t.Context(), room, tt.before, tt.n))(t)); got != tt.want {
				t.Errorf("%d before %s: %q, want %q", tt.n, tt.before, got, tt.want)
			}
		}
	})
}

func TestRoomsAreListedByActivity(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		rooms := func(ids ...chat.RoomID) []chat.Room { return must(s.Rooms(t.Context(), ids...))(t) }
		if got := rooms(); len(got) != 0 {
			t.Errorf("an empty house has %v", got)
		}
		last := say(t, s, ann, "hi").ID
		titled := add(t, s, chat.Event{Room: "ops", Kind: chat.Title, By: ann, Text: `Op"s "ü \`})
		must(s.Here(t.Context(), "s1", "ops", ann, bob))(t)
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
		ids := must(s.Last(t.Context(), "lobby", "nowhere", "ops"))(t)
		if !slices.Equal(ids, []chat.ID{last, {}, titled.ID}) {
			t.Errorf("last ids: %v", ids)
		}
	})
}

func TestRoomKeepsSoMuchAndSoLong(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{History: 100})
		var evs []chat.Event
		for i := range 450 {
			evs = append(evs, say(t, s, ann, fmt.Sprint(i)))
		}
		got := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
		if len(got) < 100 || len(got) > 300 { // Redis trims whole nodes, of 100
			t.Errorf("%d events are kept of about 100", len(got))
		}
		if !slices.Equal(got, evs[450-len(got):]) {
			t.Error("what is kept is not the last")
		}
	})
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{Retention: 300 * time.Millisecond})
		first := say(t, s, ann, "old")
		eventually(t, 5*time.Second, "an idle room forgets", func() error {
			if evs := must(s.Since(t.Context(), room, chat.ID{}, 10))(t); len(evs) > 0 {
				return fmt.Errorf("it holds %q", texts(evs))
			}
			return nil
		})
		next := say(t, s, ann, "new")
		if next.Prev != first.ID {
			t.Errorf("the chain goes on from %s, want %s", next.Prev, first.ID)
		}
		if evs := must(s.Since(t.Context(), room, first.ID, 10))(t); texts(evs) != "new" {
			t.Errorf("after the old one: %q", texts(evs))
		}
	})
}
