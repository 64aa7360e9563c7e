package bolt_test

import (
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/testenv"
)

// Rooms that forget with time are forgotten as a whole, after they were silent
// for long.
func TestSilentEmptyRoomIsForgotten(t *testing.T) {
	c := &clock{now: time.Now()}
	s := must(bolt.OpenAt(t.Context(), store.Options{Dir: t.TempDir(), Retention: time.Second}, c.Now))(t)
	defer s.Close()
	add(t, s, message(ann, "hi"))
	last := add(t, s, chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "Hall"})
	known := func() int { return len(must(s.Rooms(t.Context()))(t)) }
	c.set(c.Now().Add(time.Hour))
	if !testenv.Holds(5*time.Second, func() bool { return len(log(t, s, room)) == 0 }) {
		t.Fatal("it did not forget its lines")
	}
	if known() != 1 {
		t.Error("it is forgotten at once")
	}
	c.set(c.Now().Add(store.EmptyRoomLife))
	if !testenv.Holds(5*time.Second, func() bool { return known() == 0 }) {
		t.Error("it is known for ever")
	}
	if again := add(t, s, message(bob, "is anybody here?")); !again.Prev.IsZero() || !again.ID.After(last.ID) {
		t.Errorf("it begins with %+v after %s", again, last.ID)
	}
}
