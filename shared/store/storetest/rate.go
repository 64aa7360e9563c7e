package storetest

import (
	"errors"
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
