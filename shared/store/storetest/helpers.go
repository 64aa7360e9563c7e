package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/testenv"
)

// Room is where the tests talk.
const Room chat.RoomID = "lobby"

// Who talks there.
var (
	Ann = chat.User{ID: "u_ann", Name: "Ann"}
	Bob = chat.User{ID: "u_bob", Name: "Bob"}
)

// Say posts a line in [Room].
func Say(tb testing.TB, s store.Store, by chat.User, text string) chat.Event {
	tb.Helper()
	return Add(tb, s, chat.Event{Room: Room, Kind: chat.Message, By: by, Text: text})
}

// Add appends an event, which must be taken.
func Add(tb testing.TB, s store.Store, ev chat.Event) chat.Event {
	tb.Helper()
	l, replayed, err := s.Append(tb.Context(), ev)
	if err != nil || replayed {
		tb.Fatalf("append %+v: replayed %t, %v", ev, replayed, err)
	}
	return l.Event
}

// Refuse appends an event, which must be refused.
func Refuse(tb testing.TB, s store.Store, ev chat.Event, want error) {
	tb.Helper()
	if _, _, err := s.Append(tb.Context(), ev); !errors.Is(err, want) {
		tb.Errorf("append %+v: %v, want %v", ev, err, want)
	}
}

// Texts are the events in short: ids are what a test cannot foresee.
func Texts(evs []chat.Event) string {
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

// Chained fails when the prev of one event is not the one before.
func Chained(tb testing.TB, first chat.ID, evs []chat.Event) {
	tb.Helper()
	for _, ev := range evs {
		if ev.Prev != first || !ev.ID.After(first) {
			tb.Fatalf("event %s has prev %s, the one before is %s", ev.ID, ev.Prev, first)
		}
		first = ev.ID
	}
}

// Must is for calls whose failing ends the test: Must(f())(t).
func Must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// Eventually asks again and again until there is no error.
func Eventually(tb testing.TB, within time.Duration, what string, ask func() error) {
	tb.Helper()
	var err error
	if !testenv.Holds(within, func() bool { err = ask(); return err == nil }) {
		tb.Fatalf("not within %v: %s: %v", within, what, err)
	}
}
