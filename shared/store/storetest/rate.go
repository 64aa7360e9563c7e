package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testPostsAreLimited(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{PostsPerSecond: 1, PostBurst: 10})
	for range 10 {
		Say(t, s, Ann, "flood")
	}
	_, _, err := s.Append(t.Context(), chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "flood"})
	var retry *chat.RetryError
	if !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) {
		t.Fatalf("the eleventh: %v", err)
	}
	if retry.After <= 0 || retry.After > time.Second {
		t.Errorf("retry after %v", retry.After)
	}
	Say(t, s, Bob, "not I")

}

func testAllowCountsOnAllServers(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
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
}

// Whatever names somebody takes, what others said stays for most of a day.
func testOneNetworkFillsAShareOfARoom(t *testing.T, e Engine) {
	const share = 50
	s := e.Open(t, store.Options{PostsPerDay: share, PostsPerSecond: 1, PostBurst: 10})
	first := Say(t, s, Bob, "it is Bob's room")
	post := func(i int, network string) chat.Event {
		name := chat.User{ID: fmt.Sprint("u_", i%64), Name: fmt.Sprint("name ", i%64)}
		return chat.Event{Room: Room, Kind: chat.Message, By: name, Text: "flood", From: network}
	}
	taken := []chat.Event{}
	for i := range 4 * share {
		l, _, err := s.Append(t.Context(), post(i, "198.51.100.7"))
		if err == nil {
			taken = append(taken, l.Event)
			continue
		}
		var retry *chat.RetryError
		if !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) || retry.After <= 0 || retry.After > 24*time.Hour/share {
			t.Fatalf("the %d: %v", i, err)
		}
	}
	if n := len(taken); n < share || n > share+1 { // one comes back each half hour
		t.Errorf("%d of one network were taken, want %d", n, share)
	}
	remove := chat.Event{Room: Room, Kind: chat.Delete, By: taken[0].By, Target: taken[0].ID, From: "198.51.100.7"}
	Add(t, s, remove)
	Add(t, s, post(1, "198.51.100.8"))
	for range 2 {
		own := post(2, "198.51.100.7")
		own.Room = "mine"
		Add(t, s, own)
	}
	Add(t, s, chat.Event{Room: Room, Kind: chat.Message, By: Bob, Text: "my room", From: "198.51.100.7"})
	if evs := Must(s.Since(t.Context(), Room, first.Prev, 4*share))(t); evs[0].Text != first.Text {
		t.Errorf("the room begins with %q", evs[0].Text)
	}
}

func testOneNetworkBeginsSoManyRooms(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{RoomsPerDay: 5})
	begin := func(room int, by chat.User, network string) error {
		ev := chat.Event{Room: chat.RoomID(fmt.Sprint("room", room)), Kind: chat.Message, By: by, Text: "hi", From: network}
		_, _, err := s.Append(t.Context(), ev)
		return err
	}
	for i := range 5 {
		if err := begin(i, chat.User{ID: fmt.Sprint("u_", i), Name: fmt.Sprint(i)}, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	var retry *chat.RetryError
	if err := begin(5, Ann, "192.0.2.1"); !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) {
		t.Errorf("the sixth: %v", err)
	}
	for i, network := range []string{"192.0.2.1", "192.0.2.2", ""} {
		if err := begin(min(i*5, 6), Ann, network); err != nil { // a room that is there, and those of others
			t.Errorf("by %q: %v", network, err)
		}
	}
}

func testMessageHasSoManyReactions(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	msg, other := Say(t, s, Ann, "hi"), Say(t, s, Ann, "ho")
	react := func(i int, off bool, target chat.ID) chat.Event {
		return chat.Event{Room: Room, Kind: chat.Reaction, By: Bob, Target: target, Emoji: string(rune(0x1f600 + i)), Off: off}
	}
	for i := range chat.MaxReactions {
		Add(t, s, react(i, false, msg.ID))
	}
	Refuse(t, s, react(chat.MaxReactions, false, msg.ID), chat.ErrConflict)
	Add(t, s, react(3, true, msg.ID))
	Add(t, s, react(3, false, msg.ID))
	Add(t, s, react(chat.MaxReactions, true, msg.ID))
	Add(t, s, react(chat.MaxReactions, false, other.ID))
	Add(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Ann, Target: msg.ID, Text: "hello"})
	Refuse(t, s, react(chat.MaxReactions, false, msg.ID), chat.ErrConflict)
	if n := len(Must(s.Since(t.Context(), Room, chat.ID{}, 100))(t)); n != 2+chat.MaxReactions+5 {
		t.Errorf("%d events", n)
	}
}
