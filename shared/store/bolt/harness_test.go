package bolt_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"

	"go.uber.org/goleak"
)

const room chat.RoomID = "lobby"

var (
	ann = chat.User{ID: "u_ann", Name: "Ann"}
	bob = chat.User{ID: "u_bob", Name: "Bob"}
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// open opens a folder, and closes it with the function that it returns or at
// the end of the test.
func open(tb testing.TB, opts store.Options) (s *bolt.Store, closed func()) {
	tb.Helper()
	if opts.Dir == "" {
		opts.Dir = tb.TempDir()
	}
	opts.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	s = must(bolt.Open(tb.Context(), opts))(tb).(*bolt.Store)
	closed = func() {
		if err := s.Close(); err != nil {
			tb.Error("close:", err)
		}
	}
	tb.Cleanup(closed)
	return s, closed
}

func message(by chat.User, text string) chat.Event {
	return chat.Event{Room: room, Kind: chat.Message, By: by, Text: text}
}

func add(tb testing.TB, s *bolt.Store, ev chat.Event) chat.Event {
	tb.Helper()
	line, replayed, err := s.Append(tb.Context(), ev)
	if err != nil || replayed {
		tb.Fatalf("append %+v: replayed %t, %v", ev, replayed, err)
	}
	return line.Event
}

func refuse(tb testing.TB, s *bolt.Store, ev chat.Event, want error) {
	tb.Helper()
	if _, _, err := s.Append(tb.Context(), ev); !errors.Is(err, want) {
		tb.Errorf("append %+v: %v, want %v", ev, err, want)
	}
}

// repeat posts again what was posted under a key.
func repeat(tb testing.TB, s *bolt.Store, ev chat.Event, key string) {
	tb.Helper()
	again := ev
	again.Key = key
	again.ID, again.Prev = chat.ID{}, chat.ID{}
	got, replayed, err := s.Append(tb.Context(), again)
	if err != nil || !replayed || got.Event != ev {
		tb.Errorf("a repeat of %+v: %+v, replayed %t, %v", ev, got, replayed, err)
	}
}

func log(tb testing.TB, s *bolt.Store, room chat.RoomID) []chat.Event {
	tb.Helper()
	return must(s.Since(tb.Context(), room, chat.ID{}, 1_000_000))(tb)
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

// eventually waits for a condition.
func eventually(tb testing.TB, what string, try func() error) {
	tb.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			tb.Fatalf("too late: %s: %v", what, err)
		}
	}
}
