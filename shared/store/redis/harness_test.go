package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/store/storetest"
	"confab/shared/testenv"

	"go.uber.org/goleak"
)

// What every engine's tests need has short names here.
const room = storetest.Room

var (
	ann, bob   = storetest.Ann, storetest.Bob
	texts      = storetest.Texts
	chained    = storetest.Chained
	eventually = storetest.Eventually
	pass       = storetest.Pass
)

type tape = storetest.Tape

func lobby(what string) string { return redis.KeyOf(room, what) }

func say(tb testing.TB, s store.Store, by chat.User, text string) chat.Event {
	tb.Helper()
	return storetest.Say(tb, s, by, text)
}

func add(tb testing.TB, s store.Store, ev chat.Event) chat.Event {
	tb.Helper()
	return storetest.Add(tb, s, ev)
}

func refuse(tb testing.TB, s store.Store, ev chat.Event, want error) {
	tb.Helper()
	storetest.Refuse(tb, s, ev, want)
}

func follow(ctx context.Context, tb testing.TB, s store.Store) *tape {
	tb.Helper()
	return storetest.Follow(ctx, tb, s)
}

func must[T any](v T, err error) func(testing.TB) T { return storetest.Must(v, err) }

func TestRedisKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Engine {
		url := startRedis(tb).url()
		e := engine()
		e.Shared = true
		e.Open = func(tb testing.TB, opts store.Options) store.Store {
			opts.URL = url
			return open(tb, opts)
		}
		return e
	})
}

// On a Cluster names and sessions are in other slots than the rooms.
func TestClusterKeepsTheContractAboutUsers(t *testing.T) {
	t.Parallel()
	g, n := cluster(t), 0
	storetest.RunUsers(t, func(tb testing.TB) storetest.Engine {
		e := engine()
		n++
		prefix := fmt.Sprint("test", n)
		e.Shared = true
		e.Open = func(tb testing.TB, opts store.Options) store.Store {
			opts.URL, opts.Prefix = g.url, prefix
			return open(tb, opts)
		}
		return e
	})
}

func engine() storetest.Engine {
	return storetest.Engine{
		Slack: 200, // Redis trims whole nodes, of 100
		Age:   func(tb testing.TB, s store.Store, by time.Duration) { later(tb, s.(*redis.Store), by) },
		AgeName: func(tb testing.TB, s store.Store, name string, by time.Duration) {
			rdb, key := s.(*redis.Store).Redis(), redis.NameKey(name)
			left := must(rdb.PTTL(tb.Context(), key).Result())(tb)
			must(rdb.PExpire(tb.Context(), key, left-by).Result())(tb)
		},
		AgeTasks:        ageTasks,
		CutSubscription: func(s store.Store) { s.(*redis.Store).CutSubscription() },
	}
}

// each runs a test on a Redis of its own.
func each(t *testing.T, test func(t *testing.T, open func(store.Options) *redis.Store)) {
	srv := startRedis(t)
	test(t, func(opts store.Options) *redis.Store {
		opts.URL = srv.url()
		return open(t, opts)
	})
}

func open(tb testing.TB, opts store.Options) *redis.Store {
	tb.Helper()
	opts.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	s := must(redis.Open(tb.Context(), opts))(tb)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error("close:", err)
		}
	})
	return s.(*redis.Store)
}

func TestMain(m *testing.M) {
	testenv.Parallel(6) // most wait for Redis, for one to be promoted or to time out
	goleak.VerifyTestMain(m)
}
