package bolt_test

import (
	"log/slog"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/storetest"

	"go.uber.org/goleak"
)

// The words of the contract's tests, in short.
const room = storetest.Room

var (
	ann, bob = storetest.Ann, storetest.Bob
	texts    = storetest.Texts
	chained  = storetest.Chained
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

func must[T any](v T, err error) func(testing.TB) T { return storetest.Must(v, err) }

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
	return storetest.Add(tb, s, ev)
}

func refuse(tb testing.TB, s *bolt.Store, ev chat.Event, want error) {
	tb.Helper()
	storetest.Refuse(tb, s, ev, want)
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

// eventually waits for a condition.
func eventually(tb testing.TB, what string, try func() error) {
	tb.Helper()
	storetest.Eventually(tb, 10*time.Second, what, try)
}
