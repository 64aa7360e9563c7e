package bolt_test

import (
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// A reader of the audit who goes on after a place misses nothing, whatever the
// clock does, and what is older than a room may be is gone.
func TestAuditGoesOnWhenTheClockIsSetBack(t *testing.T) {
	start := time.Now()
	c := &clock{now: start}
	s, err := bolt.OpenAt(t.Context(), store.Options{Dir: t.TempDir(), Retention: time.Hour}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	title := func(room chat.RoomID) {
		t.Helper()
		ev := chat.Event{Room: room, Kind: chat.Title, By: chat.User{ID: "u_ann", Name: "Ann"}, Text: "Title"}
		if _, _, err := s.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	rooms := func(after chat.ID) (rooms []chat.RoomID, last chat.ID) {
		t.Helper()
		all, err := s.Audit(t.Context(), chat.Some(after), 9)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			rooms, last = append(rooms, a.Event.Room), a.At
		}
		return rooms, last
	}
	title("first")
	_, seen := rooms(chat.ID{})
	c.set(start.Add(-10 * time.Minute))
	title("second")
	title("third")
	if got, _ := rooms(seen); !slices.Equal(got, []chat.RoomID{"second", "third"}) {
		t.Errorf("after the first it has %v", got)
	}
	c.set(start.Add(55 * time.Minute)) // the first is not an hour old
	title("fourth")
	if got, _ := rooms(seen); !slices.Equal(got, []chat.RoomID{"fourth"}) {
		t.Errorf("an hour later it has %v", got)
	}
	c.set(start.Add(3 * time.Hour))
	if got, _ := rooms(chat.ID{}); len(got) > 0 {
		t.Errorf("hours later it has %v", got)
	}
}
