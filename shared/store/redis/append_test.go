package redis_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

func TestAppendChainsEventsByPrev(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var evs []chat.Event
		for i := range 300 {
			evs = append(evs, say(t, s, ann, fmt.Sprint("line ", i)))
		}
		chained(t, chat.ID{}, evs)
		got := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
		if !slices.Equal(got, evs) {
			t.Errorf("the log holds %d events, not the %d that were appended", len(got), len(evs))
		}
	})
}

func TestConcurrentAppendsMakeOneChain(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var wg sync.WaitGroup
		for w := range 20 {
			wg.Go(func() {
				for i := range 25 {
					say(t, s, ann, fmt.Sprint(w, "-", i))
				}
			})
		}
		wg.Wait()
		evs := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
		chained(t, chat.ID{}, evs)
		if len(evs) != 500 {
			t.Errorf("%d events, want 500", len(evs))
		}
	})
}

func TestRepeatUnderItsKeyIsOneEvent(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		ev := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k1"}
		first := add(t, s, ev)
		say(t, s, bob, "between")

		again, replayed, err := s.Append(t.Context(), ev)
		if err != nil || !replayed || again.ID != first.ID || again.Prev != first.Prev {
			t.Errorf("repeat: %v, replayed %t, %v; want %v", again, replayed, err, first)
		}
		renamed := ev
		renamed.By.Name = "Anna"
		if again, replayed, err := s.Append(t.Context(), renamed); err != nil || !replayed || again.ID != first.ID {
			t.Errorf("repeat after a change of name: %v, replayed %t, %v", again, replayed, err)
		}
		other := ev
		other.Text = "ho"
		refuse(t, s, other, chat.ErrReused)
		ev.By = bob
		if got := add(t, s, ev); got.ID == first.ID {
			t.Error("another user's key is the same key")
		}
		if got := texts(must(s.Since(t.Context(), room, chat.ID{}, 10))(t)); got != "hi between hi" {
			t.Errorf("the log holds %q", got)
		}
	})
}

// Keys are kept in generations of ten minutes, by a clock that may jump.
func TestKeyIsKnownUntilTheSecondGenerationAfterIt(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		ev := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k1"}
		first := add(t, s, ev)
		for turn := range 2 {
			later(t, s, time.Hour)
			if again, replayed, err := s.Append(t.Context(), ev); err != nil || !replayed || again.ID != first.ID {
				t.Errorf("after %d turns: %v, replayed %t, %v; want %v", turn, again, replayed, err, first)
			}
			say(t, s, bob, "between")
		}
		if got := add(t, s, ev); got.ID == first.ID {
			t.Error("the key is known for ever")
		}
	})
}

// later makes the generations of a room's keys older, as if so much time had passed.
func later(tb testing.TB, s *redis.Store, by time.Duration) {
	tb.Helper()
	for _, hash := range []string{"confab:{lobby}:keys:0", "confab:{lobby}:keys:1"} {
		began, err := s.Redis().HGet(tb.Context(), hash, "@").Int64()
		if errors.Is(err, goredis.Nil) {
			continue
		}
		if err = errors.Join(err, s.Redis().HSet(tb.Context(), hash, "@", began-by.Milliseconds()).Err()); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestConcurrentRepeatsAreOneEvent(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{PostsPerSecond: 1, PostBurst: 1})
		ids := make(chan chat.ID, 20)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ev, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k"})
				if err != nil {
					t.Error(err)
				}
				ids <- ev.ID
			})
		}
		wg.Wait()
		first := <-ids
		for range 19 {
			if id := <-ids; id != first {
				t.Errorf("one key is %s and %s", first, id)
			}
		}
		if evs := must(s.Since(t.Context(), room, chat.ID{}, 30))(t); len(evs) != 1 {
			t.Errorf("%d events", len(evs))
		}
	})
}

func TestIDsRiseWhenTheClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		future := fmt.Sprintf("%d-7", time.Now().Add(time.Hour).UnixMilli())
		must(s.Redis().HSet(t.Context(), "confab:{lobby}:meta", "last", future).Result())(t)
		first := say(t, s, ann, "one")
		if want := must(chat.ParseID(future))(t); first.Prev != want || first.ID != (chat.ID{MS: want.MS, Seq: 8}) {
			t.Errorf("id %s after %s", first.ID, future)
		}
		chained(t, first.ID, []chat.Event{say(t, s, ann, "two")})
	})
}

func TestOnlyTheAuthorChangesAMessage(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		msg := say(t, s, ann, "mine")
		on := func(kind chat.Kind, by chat.User, target chat.ID) chat.Event {
			ev := chat.Event{Room: room, Kind: kind, By: by, Target: target}
			switch kind {
			case chat.Edit:
				ev.Text = "edited"
			case chat.Reaction:
				ev.Emoji = "👍"
			}
			return ev
		}
		refuse(t, s, on(chat.Edit, bob, msg.ID), chat.ErrForbidden)
		refuse(t, s, on(chat.Delete, bob, msg.ID), chat.ErrForbidden)
		refuse(t, s, on(chat.Edit, ann, chat.ID{MS: 5}), chat.ErrNotFound)
		reaction := add(t, s, on(chat.Reaction, bob, msg.ID))
		refuse(t, s, on(chat.Reaction, ann, reaction.ID), chat.ErrNotFound)
		add(t, s, on(chat.Edit, ann, msg.ID))
		add(t, s, on(chat.Delete, ann, msg.ID))
		refuse(t, s, on(chat.Edit, ann, msg.ID), chat.ErrNotFound)
		refuse(t, s, on(chat.Delete, ann, msg.ID), chat.ErrNotFound)
		refuse(t, s, on(chat.Reaction, bob, msg.ID), chat.ErrNotFound)
	})
}

func TestDeleteTakesTheTextOutOfTheLog(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		start := say(t, s, bob, "before")
		msg := say(t, s, ann, "secret")
		stays := say(t, s, ann, "stays")
		for i := range 3 {
			add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: fmt.Sprint("secret ", i)})
			add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: stays.ID, Text: fmt.Sprint("stays ", i)})
		}
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: msg.ID})
		want := "before stays edit:stays 0 edit:stays 1 edit:stays 2 delete:"
		if got := texts(must(s.Before(t.Context(), room, chat.ID{}, 20))(t)); got != want {
			t.Errorf("the log holds %q, want %q", got, want)
		}
		if got := texts(must(s.Since(t.Context(), room, start.ID, 20))(t)); "before "+got != want {
			t.Errorf("after the first: %q", got)
		}
		if n := must(s.Redis().ZCard(t.Context(), "confab:{lobby}:edits").Result())(t); n != 3 {
			t.Errorf("%d edits are remembered, want those of the message that stays", n)
		}
	})
}
