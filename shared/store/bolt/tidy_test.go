package bolt_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// However much a room has to forget, no commit takes out more than its budget,
// so that no post waits for more.
func TestForgettingIsDoneBitByBit(t *testing.T) {
	dir := t.TempDir()
	evs := lines(10 * bolt.TrimBudget)
	writeEarlier(t, dir, nil)
	var file []byte
	for _, ev := range evs {
		file = append(append(file, chat.JSON(ev)...), '\n')
	}
	writeEarlier(t, dir, file)
	_, closed := open(t, store.Options{Dir: dir})
	closed()

	s, _ := open(t, store.Options{Dir: dir, History: 100}) // less than before
	eventually(t, "the room has forgotten", func() error {
		if n := len(log(t, s, room)); n > 110 {
			return fmt.Errorf("it holds %d events", n)
		}
		return nil
	})
	if n := s.MostTrimmed(); n > bolt.TrimBudget || n == 0 {
		t.Errorf("one commit took out %d events, the budget is %d", n, bolt.TrimBudget)
	}
}

// An event from a clock that was ahead does not keep a room from forgetting.
func TestAgeFollowsTheClock(t *testing.T) {
	c := &clock{now: time.Now()}
	s := must(bolt.OpenAt(t.Context(), store.Options{Dir: t.TempDir(), Retention: time.Hour}, c.Now))(t)
	defer s.Close()
	real := c.Now()
	c.set(real.AddDate(10, 0, 0))
	ahead := add(t, s, message(ann, "ahead"))
	c.set(real)
	old := add(t, s, message(ann, "old"))
	if !old.ID.After(ahead.ID) {
		t.Errorf("id %s after %s", old.ID, ahead.ID)
	}
	if got := old.Time().Sub(real).Abs(); got > time.Second {
		t.Errorf("the time of a line is %v away from the clock", got)
	}
	c.set(real.Add(2 * time.Hour))
	add(t, s, message(ann, "new"))
	if got := texts(log(t, s, room)); got != "new" {
		t.Errorf("the log holds %q", got)
	}
	if _, err := s.Since(t.Context(), room, ahead.ID, 10); !errors.Is(err, chat.ErrReset) {
		t.Errorf("since what was forgotten: %v", err)
	}
	if evs, err := s.Since(t.Context(), room, old.ID, 10); err != nil || texts(evs) != "new" {
		t.Errorf("since the last that was forgotten: %q, %v", texts(evs), err)
	}
}

// What is known of a room outlives its log.
func TestTitleOutlivesItsEvent(t *testing.T) {
	dir := t.TempDir()
	s, closed := open(t, store.Options{Dir: dir, History: 10})
	add(t, s, chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "Hall"})
	for i := range 50 {
		add(t, s, message(ann, fmt.Sprint(i)))
	}
	closed()
	s, _ = open(t, store.Options{Dir: dir, History: 10})
	if got := must(s.Rooms(t.Context(), room))(t)[0]; got.Title != "Hall" {
		t.Errorf("the room is %+v", got)
	}
	if evs := log(t, s, room); evs[0].Kind == chat.Title || len(evs) > 11 {
		t.Errorf("the log holds %q", texts(evs))
	}
}

// One user, in however many rooms, does not push those of others off the list.
func TestEverybodysRoomsAreListed(t *testing.T) {
	t.Parallel()
	s, _ := open(t, store.Options{})
	add(t, s, chat.Event{Room: "quiet", Kind: chat.Message, By: bob, Text: "hi"})
	for i := range 2 * store.MaxRooms {
		add(t, s, chat.Event{Room: chat.RoomID(fmt.Sprint("flood", i)), Kind: chat.Message, By: ann, Text: "hi"})
	}
	rooms := must(s.Rooms(t.Context()))(t)
	found := false
	for _, r := range rooms {
		found = found || r.ID == "quiet"
	}
	if len(rooms) != store.MaxRooms || !found {
		t.Errorf("%d rooms are listed, with the quiet one: %t", len(rooms), found)
	}
}
