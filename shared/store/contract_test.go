package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

const room chat.RoomID = "lobby"

var (
	ann = chat.User{ID: "u_ann", Name: "Ann"}
	bob = chat.User{ID: "u_bob", Name: "Bob"}
)

// each runs a test of the contract on the built-in store and on a real Redis.
func each(t *testing.T, test func(t *testing.T, open func(store.Options) *store.Store)) {
	t.Run("built-in", func(t *testing.T) {
		test(t, func(opts store.Options) *store.Store { return open(t, opts) })
	})
	t.Run("redis", func(t *testing.T) {
		srv := startRedis(t)
		test(t, func(opts store.Options) *store.Store {
			opts.URL = srv.url()
			return open(t, opts)
		})
	})
}

func open(tb testing.TB, opts store.Options) *store.Store {
	tb.Helper()
	if opts.URL == "" && opts.Dir == "" {
		opts.Dir = tb.TempDir()
	}
	opts.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	connect := store.Open
	if opts.URL == "" {
		connect = store.OpenLocal
	}
	s := must(connect(tb.Context(), opts))(tb)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error("close:", err)
		}
	})
	return s
}

func say(tb testing.TB, s *store.Store, by chat.User, text string) chat.Event {
	tb.Helper()
	return add(tb, s, chat.Event{Room: room, Kind: chat.Message, By: by, Text: text})
}

func add(tb testing.TB, s *store.Store, ev chat.Event) chat.Event {
	tb.Helper()
	ev, replayed, err := s.Append(tb.Context(), ev)
	if err != nil || replayed {
		tb.Fatalf("append %+v: replayed %t, %v", ev, replayed, err)
	}
	return ev
}

func refuse(tb testing.TB, s *store.Store, ev chat.Event, want error) {
	tb.Helper()
	if _, _, err := s.Append(tb.Context(), ev); !errors.Is(err, want) {
		tb.Errorf("append %+v: %v, want %v", ev, err, want)
	}
}

// texts are the events in short: ids are what a test cannot foresee.
func texts(evs []chat.Event) string {
	var b strings.Builder
	for _, ev := range evs {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if ev.Kind != chat.Message {
			b.WriteString(string(ev.Kind) + ":")
		}
		b.WriteString(ev.Text + ev.Emoji)
	}
	return b.String()
}

// chained fails when the prev of one event is not the one before.
func chained(tb testing.TB, first chat.ID, evs []chat.Event) {
	tb.Helper()
	for _, ev := range evs {
		if ev.Prev != first || !ev.ID.After(first) {
			tb.Fatalf("event %s has prev %s, the one before is %s", ev.ID, ev.Prev, first)
		}
		first = ev.ID
	}
}

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestAppendChainsEventsByPrev(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

// Keys are kept in turns of ten minutes, by a clock that may jump.
func TestKeyIsKnownUntilTheSecondTurnAfterIt(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

// later makes the turns of a room's keys older, as if so much time had passed.
func later(tb testing.TB, s *store.Store, by time.Duration) {
	tb.Helper()
	for _, hash := range []string{"confab:{lobby}:keys:0", "confab:{lobby}:keys:1"} {
		began, err := s.Redis().HGet(tb.Context(), hash, "@").Int64()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err = errors.Join(err, s.Redis().HSet(tb.Context(), hash, "@", began-by.Milliseconds()).Err()); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestConcurrentRepeatsAreOneEvent(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

func TestPostsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{PostsPerSecond: 1, PostBurst: 10})
		for range 10 {
			say(t, s, ann, "flood")
		}
		_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "flood"})
		var retry *chat.RetryError
		if !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) {
			t.Fatalf("the eleventh: %v", err)
		}
		if retry.After <= 0 || retry.After > time.Second {
			t.Errorf("retry after %v", retry.After)
		}
		say(t, s, bob, "not I")

		// Redis's clock goes back an hour: what it wrote lies in the future.
		future := time.Now().Add(time.Hour).UnixMicro()
		must(s.Redis().Set(t.Context(), "confab:{lobby}:rate:u_ann", future, 0).Result())(t)
		say(t, s, ann, "after the clock")
	})
}

func TestAllowCountsOnAllServers(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{})
		rate := store.Rate{PerSecond: 0.5, Burst: 3}
		for range 3 {
			if err := s.Allow(t.Context(), "login", "10.0.0.1", rate); err != nil {
				t.Fatal(err)
			}
		}
		var retry *chat.RetryError
		err := s.Allow(t.Context(), "login", "10.0.0.1", rate)
		if !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) || retry.After <= 0 || retry.After > 2*time.Second {
			t.Errorf("the fourth: %v", err)
		}
		for _, other := range []error{
			s.Allow(t.Context(), "login", "10.0.0.2", rate),
			s.Allow(t.Context(), "upload", "10.0.0.1", rate),
			s.Allow(t.Context(), "login", "10.0.0.1", store.Rate{}),
		} {
			if other != nil {
				t.Errorf("another: %v", other)
			}
		}
		future := time.Now().Add(time.Hour).UnixMicro()
		must(s.Redis().Set(t.Context(), "confab:rate:login:10.0.0.1", future, 0).Result())(t)
		if err := s.Allow(t.Context(), "login", "10.0.0.1", rate); err != nil {
			t.Errorf("after the clock went back: %v", err)
		}
	})
}

func TestAllowSoonCountsOnAllServers(t *testing.T) {
	srv := startRedis(t)
	one, two := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	rate := store.Rate{PerSecond: 0.01, Burst: 64}
	for i := range rate.Burst {
		for _, s := range []*store.Store{one, two} {
			if err := s.AllowSoon("post", "10.0.0.1", rate); i < rate.Burst/2 && err != nil {
				t.Fatalf("post %d of a burst of %d: %v", 2*i, rate.Burst, err)
			}
		}
	}
	refusedSoon(t, one, "10.0.0.1", rate)
	refusedSoon(t, two, "10.0.0.1", rate)
	for range 100 {
		if err := cmp.Or(one.AllowSoon("post", "10.0.0.1", store.Rate{}), two.AllowSoon("post", "10.0.0.1", store.Rate{PerSecond: 1})); err != nil {
			t.Fatalf("a limit that was lifted: %v", err)
		}
	}
	if err := one.AllowSoon("post", "10.0.0.2", rate); err != nil {
		t.Errorf("another address: %v", err)
	}
}

func TestIDsRiseWhenTheClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

func TestSinceTellsWhereTheLogBrokeOff(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

// A tape records what a follower is told, and fails on what must not be.
type tape struct {
	tb    testing.TB
	first chat.ID // what Follow returned

	mu      sync.Mutex
	last    chat.ID
	events  []chat.Event
	signals []chat.Signal
	resets  []chat.ID
	fresh   int           // how many of the events came before the last reset
	more    chan struct{} // closed and made anew at each call
}

func follow(ctx context.Context, tb testing.TB, s *store.Store) *tape {
	tb.Helper()
	tp := &tape{tb: tb, more: make(chan struct{})}
	tp.mu.Lock()
	first, err := s.Follow(ctx, room, tp)
	tp.first, tp.last = first, first
	tp.mu.Unlock()
	if err != nil {
		tb.Fatal(err)
	}
	return tp
}

func (tp *tape) Event(ev chat.Event) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if !ev.ID.After(tp.last) {
		tp.tb.Errorf("%s after %s", ev.ID, tp.last)
	}
	tp.last = ev.ID
	tp.events = append(tp.events, ev)
	tp.told()
}

func (tp *tape) Signal(sig chat.Signal) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.signals = append(tp.signals, sig)
	tp.told()
}

func (tp *tape) Reset(last chat.ID) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.last = last
	tp.fresh = len(tp.events)
	tp.resets = append(tp.resets, last)
	tp.told()
}

func (tp *tape) told() {
	close(tp.more)
	tp.more = make(chan struct{})
}

// await waits until the tape satisfies, which is asked with tp.mu held.
func (tp *tape) await(within time.Duration, what string, satisfies func() bool) {
	tp.tb.Helper()
	late := time.After(within)
	for {
		tp.mu.Lock()
		ok, more := satisfies(), tp.more
		tp.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-late:
			tp.mu.Lock()
			defer tp.mu.Unlock()
			tp.tb.Fatalf("not within %v: %s; events %q, resets %v, signals %v", within, what, texts(tp.events), tp.resets, tp.signals)
		}
	}
}

func (tp *tape) hears(within time.Duration, want ...chat.ID) {
	tp.tb.Helper()
	tp.await(within, fmt.Sprint(len(want), " events"), func() bool { return len(tp.events) >= len(want) })
	tp.mu.Lock()
	defer tp.mu.Unlock()
	got := make([]chat.ID, len(tp.events))
	for i, ev := range tp.events {
		got[i] = ev.ID
	}
	if !slices.Equal(got, want) {
		tp.tb.Fatalf("heard %v, want %v", got, want)
	}
}

func TestFollowIsGapFreeUnderConcurrentAppends(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{})
		gapFree(t, s, s)
	})
	t.Run("two servers", func(t *testing.T) {
		opts := store.Options{URL: startRedis(t).url()}
		gapFree(t, open(t, opts), open(t, opts))
	})
}

// gapFree follows at s, again and again, what is said at author.
func gapFree(t *testing.T, s, author *store.Store) {
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
	for i := range 8 { // each at another moment of the flood, with the bell cut in between
		tp := follow(t.Context(), t, s)
		followers = append(followers, tp)
		tp.await(5*time.Second, "20 events", func() bool { return len(tp.events) >= 20 })
		if i%3 == 1 {
			s.CutBell()
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

// A deaf listener holds up the bell: it takes no event until it is told to.
type deaf struct {
	*tape
	told, wake chan struct{}
}

func (d deaf) Event(chat.Event) {
	close(d.told)
	<-d.wake
}

func TestWhatIsWrittenHereNeedsNoBell(t *testing.T) {
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

	missed := say(t, other, bob, "from there") // heard when the bell goes on
	ids = append(ids, missed.ID, say(t, s, ann, "after it").ID)
	close(d.wake)
	here.hears(time.Second, ids...)
	there.hears(time.Second, ids...)
}

func TestFollowFromTheBeginningOfARoom(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

// mute appends as the script does, but rings no bell.
func mute(tb testing.TB, rdb redis.UniversalClient, text string) chat.ID {
	tb.Helper()
	ctx := tb.Context()
	last := must(rdb.HGet(ctx, "confab:{lobby}:meta", "last").Result())(tb)
	id := must(rdb.XAdd(ctx, &redis.XAddArgs{Stream: "confab:{lobby}:log", Values: []string{
		"prev", last, "kind", "message", "user", "u_ann",
		"event", string(chat.JSON(chat.Event{Room: room, Kind: chat.Message, By: ann, Text: text})),
	}}).Result())(tb)
	must(rdb.HSet(ctx, "confab:{lobby}:meta", "last", id).Result())(tb)
	return must(chat.ParseID(id))(tb)
}

func TestMissedBellIsMended(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{})
		say(t, s, ann, "before")
		tp := follow(t.Context(), t, s)
		one := mute(t, s.Redis(), "one")
		two := mute(t, s.Redis(), "two")
		tp.hears(10*time.Second, one, two) // by comparing
		three := mute(t, s.Redis(), "three")
		four := say(t, s, ann, "four")
		tp.hears(time.Second, one, two, three, four.ID) // by prev
		s.CutBell()
		five := mute(t, s.Redis(), "five")
		tp.hears(3*time.Second, one, two, three, four.ID, five) // by the new connection
	})
}

// Two servers write, lines are deleted, the log is flushed, and connections
// break: what a follower was told since its last reset is what the log holds
// after it.
func TestFollowTellsTheTruthWhateverHappens(t *testing.T) {
	opts := store.Options{URL: startRedis(t).url()}
	s, other := open(t, opts), open(t, opts)
	resets, flushes := 0, 0
	for seed := range uint64(6) {
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		ctx, stop := context.WithCancel(t.Context())
		tp := follow(ctx, t, s)
		var wg sync.WaitGroup
		end := time.Now().Add(500 * time.Millisecond)
		for i, author := range []*store.Store{s, other} {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				var said chat.ID
				for time.Now().Before(end) {
					ev := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "x"}
					if rnd.IntN(8) == 0 && !said.IsZero() {
						ev = chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: said}
					}
					ev, _, err := author.Append(t.Context(), ev)
					if err == nil && ev.Kind == chat.Message {
						said = ev.ID
					}
					time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
				}
			})
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		for time.Now().Before(end) {
			switch rnd.IntN(3) {
			case 0:
				must(s.Redis().FlushAll(t.Context()).Result())(t)
				flushes++
			case 1:
				s.CutBell()
			case 2:
				must(s.Redis().Do(t.Context(), "client", "kill", "type", "pubsub").Result())(t)
			}
			time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		}
		wg.Wait()
		last := say(t, other, bob, "the end")
		tp.await(10*time.Second, "the end", func() bool { return tp.last == last.ID })
		log := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
		tp.mu.Lock()
		since := tp.first
		if n := len(tp.resets); n > 0 {
			since = tp.resets[n-1]
			resets += n
		}
		var want, got []chat.ID
		for _, ev := range log {
			if ev.ID.After(since) {
				want = append(want, ev.ID)
			}
		}
		for _, ev := range tp.events[tp.fresh:] {
			if slices.ContainsFunc(log, func(kept chat.Event) bool { return kept.ID == ev.ID }) { // else it was deleted
				got = append(got, ev.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d, %d resets: told %v, the log holds %v", seed, len(tp.resets), got, want)
		}
		tp.mu.Unlock()
		stop()
	}
	if resets < 6 || resets > flushes {
		t.Errorf("%d resets of %d flushes", resets, flushes)
	}
}

func TestFollowersAreToldOfAReset(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

func TestPresence(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{})
		ctx := t.Context()
		people := func(want ...chat.User) {
			t.Helper()
			if got := must(s.People(ctx, room))(t); !slices.Equal(got, want) {
				t.Errorf("people: %v, want %v", got, want)
			}
		}
		around := func(u chat.User, want bool) {
			t.Helper()
			if got := must(s.Around(ctx, u))(t); got != want {
				t.Errorf("somebody else named %s is around: %t, want %t", u.Name, got, want)
			}
		}
		people()
		must(s.Here(ctx, "s1", room, bob, ann))(t)
		if got := must(s.Here(ctx, "s2", room, ann))(t); !slices.Equal(got, []chat.User{ann, bob}) {
			t.Errorf("Here says %v", got)
		}
		people(ann, bob)
		around(ann, false)
		around(chat.User{ID: "u_x", Name: "aNN"}, true)
		around(chat.User{ID: "u_x", Name: "Cid"}, false)

		if err := s.Gone(ctx, "s1", room, ann, bob); err != nil {
			t.Error(err)
		}
		people(ann) // on the other server
		if err := s.Gone(ctx, "s2", room, ann); err != nil {
			t.Error(err)
		}
		people()
		around(chat.User{ID: "u_x", Name: "Ann"}, true) // in another room, it may be
		if err := s.Free(ctx, ann, chat.User{ID: "u_x", Name: "Bob"}); err != nil {
			t.Error(err)
		}
		around(chat.User{ID: "u_x", Name: "Ann"}, false)
		around(chat.User{ID: "u_y", Name: "Bob"}, true) // it was not theirs to give away

		// A server died an hour ago, another is here.
		must(s.Redis().ZAdd(ctx, "confab:{lobby}:here", redis.Z{Score: float64(time.Now().Add(-time.Hour).UnixMilli()), Member: "s3 u_cid Cid"}).Result())(t)
		people()
		must(s.Here(ctx, "s1", room, bob))(t)
		people(bob)
		if ttl := must(s.Redis().PTTL(ctx, "confab:{lobby}:here").Result())(t); ttl <= 0 || ttl > store.PresenceLife {
			t.Errorf("the last server's death leaves people for %v", ttl)
		}
	})
}

func TestReadyMeansTheBellRings(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
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

// A model of one room: what is appended, changed and read is what a plain
// slice would give.
func TestLogIsAsTheModelSays(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *store.Store) {
		s := open(store.Options{})
		rounds := 0
		rapid.Check(t, func(rt *rapid.T) {
			rounds++
			room := chat.RoomID(fmt.Sprint("room", rounds))
			m := &model{tb: t, s: s, room: room}
			rt.Repeat(map[string]func(*rapid.T){"say": m.say, "edit": m.edit, "delete": m.delete, "since": m.since, "before": m.before})
		})
	})
}

type model struct {
	tb   testing.TB
	s    *store.Store
	room chat.RoomID
	all  []chat.Event // as they were appended
	gone map[chat.ID]bool
}

func (m *model) append(rt *rapid.T, ev chat.Event) {
	ev.Room, ev.By = m.room, ann
	got, replayed, err := m.s.Append(m.tb.Context(), ev)
	if err != nil || replayed {
		rt.Fatal(replayed, err)
	}
	m.all = append(m.all, got)
}

func (m *model) messages() []chat.Event {
	return slices.DeleteFunc(m.present(), func(ev chat.Event) bool { return ev.Kind != chat.Message })
}

func (m *model) present() []chat.Event {
	return slices.DeleteFunc(slices.Clone(m.all), func(ev chat.Event) bool {
		return m.gone[ev.ID] || ev.Kind == chat.Edit && m.gone[ev.Target]
	})
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
	m.append(rt, chat.Event{Kind: chat.Edit, Target: m.pick(rt).ID, Text: "edited"})
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
		rt.Fatalf("since %s: %q, want %q", after, texts(got), texts(want))
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
		rt.Fatalf("last %d: %q, %v; want %q", n, texts(got), err, texts(want))
	}
}
