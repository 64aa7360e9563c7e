package redis_test

import (
	"context"
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

func TestFollowIsGapFreeUnderConcurrentAppends(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		gapFree(t, s, s)
	})
	t.Run("two servers", func(t *testing.T) {
		opts := store.Options{URL: startRedis(t).url()}
		gapFree(t, open(t, opts), open(t, opts))
	})
}

// gapFree follows at s, again and again, what is said at author.
func gapFree(t *testing.T, s, author *redis.Store) {
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				_, _, _ = author.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "x"})
			}
		})
	}
	var followers []*tape
	for i := range 8 { // each at another moment of the flood, with the subscription cut in between
		tp := follow(t.Context(), t, s)
		followers = append(followers, tp)
		tp.await(5*time.Second, "20 events", func() bool { return len(tp.events) >= 20 })
		if i%3 == 1 {
			s.CutSubscription()
		}
	}
	stop()
	writers.Wait()
	last := must(s.Last(t.Context(), room))(t)[0]
	for _, tp := range followers {
		tp.await(10*time.Second, "the last event", func() bool { return tp.last == last })
		tp.mu.Lock()
		first := tp.first
		if len(tp.events) > 0 {
			first = tp.events[0].Prev
		}
		if first.After(tp.first) || tp.first.After(first) {
			t.Errorf("Follow returned %s, the first event comes after %s", tp.first, first)
		}
		chained(t, first, tp.events)
		if len(tp.resets) > 0 {
			t.Errorf("resets: %v", tp.resets)
		}
		tp.mu.Unlock()
	}
}

// A deaf listener holds up the subscription: it takes no event until it is told to.
type deaf struct {
	*tape
	told, wake chan struct{}
}

func (d deaf) Event(chat.Event) {
	close(d.told)
	<-d.wake
}

func TestWhatIsWrittenHereNeedsNoSubscription(t *testing.T) {
	srv := startRedis(t)
	s, other := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	here, there := follow(t.Context(), t, s), follow(t.Context(), t, other)
	d := deaf{told: make(chan struct{}), wake: make(chan struct{})}
	must(s.Follow(t.Context(), "stuck", d))(t)
	add(t, other, chat.Event{Room: "stuck", Kind: chat.Message, By: bob, Text: "listen!"})
	<-d.told

	msg := say(t, s, ann, "Grüße, <b>&amp;\u2028\x00\n😀")
	evs := []chat.Event{
		msg,
		add(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "so", Reply: msg.ID, Key: "k"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "Gruß"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Reaction, By: bob, Target: msg.ID, Emoji: "👍"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Title, By: bob, Text: "Hall"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: msg.ID}),
	}
	var ids []chat.ID
	for _, ev := range evs {
		ids = append(ids, ev.ID)
	}
	here.hears(time.Second, ids...)
	there.hears(time.Second, ids...)
	if !slices.Equal(here.events, there.events) {
		t.Errorf("passed on here:\n%+v\nheard there:\n%+v", here.events, there.events)
	}

	missed := say(t, other, bob, "from there") // received when the subscription goes on
	ids = append(ids, missed.ID, say(t, s, ann, "after it").ID)
	close(d.wake)
	here.hears(time.Second, ids...)
	there.hears(time.Second, ids...)
}

func TestFollowFromTheBeginningOfARoom(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		tp := follow(t.Context(), t, s)
		if !tp.last.IsZero() {
			t.Errorf("an empty room's last id is %s", tp.last)
		}
		a, b := say(t, s, ann, "a"), say(t, s, bob, "b")
		tp.hears(5*time.Second, a.ID, b.ID)
		if tp.events[0] != a || tp.events[1] != b {
			t.Errorf("heard %+v", tp.events)
		}
	})
}

// unpublished appends as the script does, but publishes nothing.
func unpublished(tb testing.TB, rdb goredis.UniversalClient, text string) chat.ID {
	tb.Helper()
	ctx := tb.Context()
	last := must(rdb.HGet(ctx, "confab:{lobby}:meta", "last").Result())(tb)
	id := must(rdb.XAdd(ctx, &goredis.XAddArgs{Stream: "confab:{lobby}:log", Values: []string{
		"prev", last, "kind", "message", "user", "u_ann",
		"event", string(chat.JSON(chat.Event{Room: room, Kind: chat.Message, By: ann, Text: text})),
	}}).Result())(tb)
	must(rdb.HSet(ctx, "confab:{lobby}:meta", "last", id).Result())(tb)
	return must(chat.ParseID(id))(tb)
}

func TestMissedPublishIsCaughtUp(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		say(t, s, ann, "before")
		tp := follow(t.Context(), t, s)
		one := unpublished(t, s.Redis(), "one")
		two := unpublished(t, s.Redis(), "two")
		tp.hears(10*time.Second, one, two) // by comparing
		three := unpublished(t, s.Redis(), "three")
		four := say(t, s, ann, "four")
		tp.hears(time.Second, one, two, three, four.ID) // by prev
		s.CutSubscription()
		five := unpublished(t, s.Redis(), "five")
		tp.hears(3*time.Second, one, two, three, four.ID, five) // by the new connection
	})
}

func TestFollowersAreToldOfAReset(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		say(t, s, ann, "old")
		tp := follow(t.Context(), t, s)
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		tp.await(10*time.Second, "a reset", func() bool { return len(tp.resets) == 1 && tp.resets[0].IsZero() })
		a := say(t, s, ann, "anew")
		tp.hears(time.Second, a.ID)

		pass(t, a.ID)
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		b := say(t, s, ann, "and anew")
		tp.await(2*time.Second, "a second reset", func() bool { return len(tp.resets) == 2 && tp.last == b.ID })
	})
}

func TestRoomIsLeftAndJoinedAgain(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var want []chat.ID
		stays := follow(t.Context(), t, s)
		for i := range 20 {
			ctx, leave := context.WithCancel(t.Context())
			tp := follow(ctx, t, s)
			ev := say(t, s, ann, fmt.Sprint(i))
			want = append(want, ev.ID)
			tp.hears(2*time.Second, ev.ID)
			leave()
		}
		stays.hears(2*time.Second, want...)
	})
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		for i := range 30 { // the only follower: the channel is left and heard in turn
			ctx, leave := context.WithCancel(t.Context())
			tp := follow(ctx, t, s)
			ev := say(t, s, ann, fmt.Sprint(i))
			tp.hears(2*time.Second, ev.ID)
			leave()
		}
	})
}

func TestManyRoomsAreFollowedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		const n = 300
		rooms := make([]chat.RoomID, n)
		tapes := make([]*tape, n)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		begun := time.Now()
		var wg sync.WaitGroup
		for i := range n {
			rooms[i], tapes[i] = chat.RoomID(fmt.Sprint("room", i)), &tape{tb: t, more: make(chan struct{})}
			wg.Go(func() {
				must(s.Follow(ctx, rooms[i], tapes[i]))(t)
				add(t, s, chat.Event{Room: rooms[i], Kind: chat.Message, By: ann, Text: "hi"})
			})
		}
		wg.Wait()
		for _, tp := range tapes {
			tp.await(30*time.Second, "its line", func() bool { return len(tp.events) == 1 })
		}
		ids := must(s.Last(ctx, slices.Concat(rooms, rooms, rooms)...))(t)
		if ids[n-1] != tapes[n-1].last || ids[n-1].IsZero() {
			t.Errorf("the last room's last is %s, heard %s", ids[n-1], tapes[n-1].last)
		}
		t.Logf("%d rooms took %v", n, time.Since(begun).Round(time.Millisecond))
	})
}

func TestSignalsPassBy(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		a, b := follow(t.Context(), t, s), follow(t.Context(), t, s)
		sig := chat.Signal{Room: room, Kind: chat.Typing, By: &ann}
		if err := s.Signal(t.Context(), sig); err != nil {
			t.Fatal(err)
		}
		for _, tp := range []*tape{a, b} {
			tp.await(time.Second, "a signal", func() bool { return len(tp.signals) == 1 && *tp.signals[0].By == ann })
		}
		if evs := must(s.Since(t.Context(), room, chat.ID{}, 10))(t); len(evs) > 0 {
			t.Errorf("the log holds %q", texts(evs))
		}
	})
}

func TestReadyMeansTheSubscriptionDelivers(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		eventually(t, 3*time.Second, "ready", func() error { return s.Ready(t.Context()) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Ready(ctx); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("with a context that ended: %v", err)
		}
	})
}

func TestCloseEndsWhoWaits(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					if _, _, err := s.Append(context.Background(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "x"}); err != nil {
						if !errors.Is(err, chat.ErrUnavailable) {
							t.Error(err)
						}
						return
					}
				}
			})
			wg.Go(func() {
				for {
					ctx, leave := context.WithCancel(context.Background())
					_, err := s.Follow(ctx, room, &tape{tb: t, more: make(chan struct{})})
					leave()
					if err != nil {
						if !errors.Is(err, chat.ErrUnavailable) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		tp := follow(t.Context(), t, s)
		tp.await(2*time.Second, "a line", func() bool { return len(tp.events) > 0 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}
