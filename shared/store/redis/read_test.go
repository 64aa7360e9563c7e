package redis_test

import (
	"errors"
	"fmt"
	"testing"

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
		must(rdb.XTrimMinID(t.Context(), lobby("log"), ids[3].String()).Result())(t)
		ask(ids[2], "3 4 5")
		reset("trimmed", ids[1])

		kept := must(rdb.HGet(t.Context(), lobby("meta"), "last").Result())(t)
		must(rdb.Del(t.Context(), lobby("log")).Result())(t)
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

// A restored copy is older than what readers saw, and goes on by itself.
func TestSinceTellsOfARestoredCopy(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		rdb := s.Redis()
		old := say(t, s, ann, "old")
		lost := say(t, s, ann, "lost")
		must(rdb.XDel(t.Context(), lobby("log"), lost.ID.String()).Result())(t)
		must(rdb.HSet(t.Context(), lobby("meta"), "last", old.ID.String()).Result())(t)
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
