package redis_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	"go.uber.org/goleak"
)

const room chat.RoomID = "lobby"

var (
	ann = chat.User{ID: "u_ann", Name: "Ann"}
	bob = chat.User{ID: "u_bob", Name: "Bob"}
)

// each runs a test of the contract on the built-in store and on a real Redis.
func each(t *testing.T, test func(t *testing.T, open func(store.Options) *redis.Store)) {
	t.Run("built-in", func(t *testing.T) {
		test(t, func(opts store.Options) *redis.Store { return open(t, opts) })
	})
	t.Run("redis", func(t *testing.T) {
		srv := startRedis(t)
		test(t, func(opts store.Options) *redis.Store {
			opts.URL = srv.url()
			return open(t, opts)
		})
	})
}

func open(tb testing.TB, opts store.Options) *redis.Store {
	tb.Helper()
	if opts.URL == "" && opts.Dir == "" {
		opts.Dir = tb.TempDir()
	}
	opts.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	connect := redis.Open
	if opts.URL == "" {
		connect = redis.OpenLocal
	}
	s := must(connect(tb.Context(), opts))(tb)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error("close:", err)
		}
	})
	return s.(*redis.Store)
}

func say(tb testing.TB, s *redis.Store, by chat.User, text string) chat.Event {
	tb.Helper()
	return add(tb, s, chat.Event{Room: room, Kind: chat.Message, By: by, Text: text})
}

func add(tb testing.TB, s *redis.Store, ev chat.Event) chat.Event {
	tb.Helper()
	ev, replayed, err := s.Append(tb.Context(), ev)
	if err != nil || replayed {
		tb.Fatalf("append %+v: replayed %t, %v", ev, replayed, err)
	}
	return ev
}

func refuse(tb testing.TB, s *redis.Store, ev chat.Event, want error) {
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
