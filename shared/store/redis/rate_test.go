package redis_test

import (
	"cmp"
	"testing"
	"time"

	"confab/shared/store"
	"confab/shared/store/redis"
)

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

// A batch is let by before Redis is asked. What Redis finds to be too many has
// been spent as well, so what comes next has to pay for it.
func TestAllowSoonLetsByNoMoreThanItsRate(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		rate := store.Rate{PerSecond: 400, Burst: 32}
		passed, begun := 0, time.Now()
		flood := time.NewTicker(100 * time.Microsecond) // and Redis answers meanwhile
		defer flood.Stop()
		for time.Since(begun) < 1500*time.Millisecond {
			<-flood.C
			if s.AllowSoon("post", "10.0.0.1", rate) == nil {
				passed++
			}
		}
		may := float64(rate.Burst) + rate.PerSecond*time.Since(begun).Seconds()
		if float64(passed) > 1.2*may {
			t.Errorf("%d passed where %.0f may", passed, may)
		}
	})
}

// Redis's clock goes back an hour: what it wrote lies in the future.
func TestLimitsOutliveAClockThatGoesBack(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{PostsPerSecond: 1, PostBurst: 10})
		future := time.Now().Add(time.Hour).UnixMicro()
		must(s.Redis().Set(t.Context(), lobby("rate:u_ann"), future, 0).Result())(t)
		say(t, s, ann, "after the clock")
		must(s.Redis().Set(t.Context(), "confab:0:rate:login:10.0.0.1", future, 0).Result())(t)
		if err := s.Allow(t.Context(), "login", "10.0.0.1", store.Rate{PerSecond: 0.5, Burst: 3}); err != nil {
			t.Errorf("after the clock went back: %v", err)
		}
	})
}
