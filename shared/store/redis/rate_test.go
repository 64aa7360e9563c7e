package redis_test

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

func TestPostsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{PostsPerSecond: 1, PostBurst: 10})
		for range 10 {
			say(t, s, ann, "flood")
		}
		_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "flood"})
		var retry *chat.RetryError
		if !errors.Is(err, chat.ErrTooMany) || !errors.As(err, &retry) {
			t.Fatalf("the eleventh: %v", err)
		}
		if retry.After <= 0 || retry.After > time.Second {
			t.Errorf("retry after %v", retry.After)
		}
		say(t, s, bob, "not I")

		// Redis's clock goes back an hour: what it wrote lies in the future.
		future := time.Now().Add(time.Hour).UnixMicro()
		must(s.Redis().Set(t.Context(), "confab:{lobby}:rate:u_ann", future, 0).Result())(t)
		say(t, s, ann, "after the clock")
	})
}

func TestAllowCountsOnAllServers(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
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
		future := time.Now().Add(time.Hour).UnixMicro()
		must(s.Redis().Set(t.Context(), "confab:rate:login:10.0.0.1", future, 0).Result())(t)
		if err := s.Allow(t.Context(), "login", "10.0.0.1", rate); err != nil {
			t.Errorf("after the clock went back: %v", err)
		}
	})
}

func TestAllowSoonCountsOnAllServers(t *testing.T) {
	srv := startRedis(t)
	one, two := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	rate := store.Rate{PerSecond: 0.01, Burst: 64}
	for i := range rate.Burst {
		for _, s := range []*redis.Store{one, two} {
			if err := s.AllowSoon("post", "10.0.0.1", rate); i < rate.Burst/2 && err != nil {
				t.Fatalf("post %d of a burst of %d: %v", 2*i, rate.Burst, err)
			}
		}
	}
	refusedSoon(t, one, "10.0.0.1", rate)
	refusedSoon(t, two, "10.0.0.1", rate)
	for range 100 {
		if err := cmp.Or(one.AllowSoon("post", "10.0.0.1", store.Rate{}), two.AllowSoon("post", "10.0.0.1", store.Rate{PerSecond: 1})); err != nil {
			t.Fatalf("a limit that was lifted: %v", err)
		}
	}
	if err := one.AllowSoon("post", "10.0.0.2", rate); err != nil {
		t.Errorf("another address: %v", err)
	}
}
