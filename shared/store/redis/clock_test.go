package redis_test

import (
	"fmt"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

// ahead writes a line as the script does while the clock is ten years ahead.
func ahead(tb testing.TB, rdb goredis.UniversalClient, id chat.ID) {
	tb.Helper()
	last := rdb.HGet(tb.Context(), lobby("meta"), "last").Val()
	if last == "" {
		last = "0-0"
	}
	must(rdb.XAdd(tb.Context(), &goredis.XAddArgs{Stream: lobby("log"), ID: id.String(), Values: []string{
		"prev", last, "at", "0", "kind", "message", "user", "u_ann",
		"event", string(store.Encode(chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "2036"})),
	}}).Result())(tb)
	must(rdb.HSet(tb.Context(), lobby("meta"), "last", id.String()).Result())(tb)
}

// The clock was ahead for one post: ids stay ahead, nothing else does.
func TestTimeFollowsTheClockAfterItWasAhead(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		wrong := chat.ID{MS: uint64(time.Now().AddDate(10, 0, 0).UnixMilli())}
		say(t, s, ann, "before")
		ahead(t, s.Redis(), wrong)
		tp := follow(t.Context(), t, s)
		ev := say(t, s, ann, "after")
		tp.Hears(time.Second, ev.ID)
		if !ev.ID.After(wrong) || ev.Prev != wrong {
			t.Errorf("id %s, prev %s after %s", ev.ID, ev.Prev, wrong)
		}
		for name, got := range map[string]chat.Event{"appended": ev, "followed": tp.Events[0], "read": must(s.Before(t.Context(), room, chat.ID{}, 1))(t)[0]} {
			if off := time.Since(got.Time()).Abs(); off > 5*time.Second {
				t.Errorf("%s: it happened %v from now", name, off)
			}
		}
		again, replayed, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "keyed", Key: "k"})
		if err != nil || replayed {
			t.Fatal(err)
		}
		if repeat, replayed, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "keyed", Key: "k"}); err != nil || !replayed || repeat.Time() != again.Time() || repeat.ID != again.ID {
			t.Errorf("the repeat happened at %v, the first at %v, %v", repeat.Time(), again.Time(), err)
		}
	})
}

// What is old goes, though ids do not say that it is.
func TestAgeFollowsTheClockAfterItWasAhead(t *testing.T) {
	s := open(t, store.Options{URL: startRedis(t).url(), Retention: time.Hour})
	id := chat.ID{MS: uint64(time.Now().AddDate(10, 0, 0).UnixMilli())}
	ahead(t, s.Redis(), id)
	for range 20 {
		id = id.Next()
		must(s.Redis().XAdd(t.Context(), &goredis.XAddArgs{Stream: lobby("log"), ID: id.String(), Values: []string{
			"prev", "0-0", "at", fmt.Sprint(time.Now().Add(-2 * time.Hour).UnixMilli()), "kind", "message", "user", "u_ann", "event", "{}",
		}}).Result())(t)
	}
	must(s.Redis().HSet(t.Context(), lobby("meta"), "last", id.String()).Result())(t)
	for range 3 {
		say(t, s, ann, "x")
	}
	if evs := must(s.Before(t.Context(), room, chat.ID{}, 100))(t); len(evs) != 3 {
		t.Errorf("%d events are kept, want the 3 that are young", len(evs))
	}
}

// The keys of a room grow old by the clock, too: they are not kept for ten years.
func TestKeysGrowOldAfterTheClockWasAhead(t *testing.T) {
	s := open(t, store.Options{URL: startRedis(t).url()})
	rdb, ctx := s.Redis(), t.Context()
	future := time.Now().AddDate(10, 0, 0).UnixMilli()
	ev := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k"}
	first := add(t, s, ev)
	must(rdb.HSet(ctx, lobby("keys:0"), "@", future).Result())(t)
	must(rdb.HSet(ctx, lobby("keys:1"), "@", future-1).Result())(t)
	for turn := range 3 {
		again, replayed, err := s.Append(ctx, ev)
		if err != nil || !replayed || again.ID != first.ID {
			if turn > 0 {
				return // an hour later it is not known any more
			}
			t.Fatalf("turn %d: replayed %t, %v", turn, replayed, err)
		}
		say(t, s, bob, "sets the generations to now")
		say(t, s, bob, "both of them")
		later(t, s, time.Hour)
		say(t, s, bob, "and begins the next one")
	}
	t.Error("the key is known for ever")
}

// The log has an id that is later than any that meta knows of.
func TestLogThatIsAheadOfItsMetaGoesOn(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		if s.Address() == "" {
			return // the built-in one has no accident but its file's
		}
		future := chat.ID{MS: uint64(time.Now().Add(time.Hour).UnixMilli()), Seq: 7}
		before := say(t, s, ann, "before")
		for name, lose := range map[string]func(){
			"lost":       func() { must(s.Redis().Del(t.Context(), lobby("meta")).Result())(t) },
			"taken back": func() { must(s.Redis().HSet(t.Context(), lobby("meta"), "last", before.ID.String()).Result())(t) },
		} {
			ahead(t, s.Redis(), future)
			lose()
			ev := say(t, s, ann, name)
			if !ev.ID.After(future) || ev.Prev != future {
				t.Errorf("%s: id %s, prev %s after %s", name, ev.ID, ev.Prev, future)
			}
			if evs := must(s.Since(t.Context(), room, future, 10))(t); len(evs) != 1 {
				t.Errorf("%s: after it: %q", name, texts(evs))
			}
			future.MS += 3_600_000
		}
	})
}
