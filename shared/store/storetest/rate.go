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
