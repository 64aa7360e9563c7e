package redis_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// Two servers write, lines are deleted, the log is flushed, and connections
// break: what a follower was told since its last reset is what the log holds
// after it.
func TestFollowTellsTheTruthWhateverHappens(t *testing.T) {
	t.Parallel()
	opts := store.Options{URL: startRedis(t).url()}
	s, other := open(t, opts), open(t, opts)
	resets, flushes := 0, 0
	for seed := range uint64(6) {
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		ctx, stop := context.WithCancel(t.Context())
		tp := follow(ctx, t, s)
		var wg sync.WaitGroup
		end := time.Now().Add(500 * time.Millisecond)
		for i, author := range []*redis.Store{s, other} {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				var said chat.ID
				for time.Now().Before(end) {
					ev := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "x"}
					if rnd.IntN(8) == 0 && !said.IsZero() {
						ev = chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: said}
					}
					l, _, err := author.Append(t.Context(), ev)
					if err == nil && l.Kind == chat.Message {
						said = l.ID
					}
					time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
				}
			})
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		for time.Now().Before(end) {
			switch rnd.IntN(3) {
			case 0:
				must(s.Redis().FlushAll(t.Context()).Result())(t)
				flushes++
			case 1:
				s.CutSubscription()
			case 2:
				must(s.Redis().Do(t.Context(), "client", "kill", "type", "pubsub").Result())(t)
			}
			time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		}
		wg.Wait()
		last := say(t, other, bob, "the end")
		tp.Await(10*time.Second, "the end", func() bool { return tp.Last == last.ID })
		log := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
		tp.Mu.Lock()
		since := tp.First
		if n := len(tp.Resets); n > 0 {
			since = tp.Resets[n-1]
			resets += n
		}
		var want, got []chat.ID
		for _, ev := range log {
			if ev.ID.After(since) {
				want = append(want, ev.ID)
			}
		}
		for _, ev := range tp.Events[tp.Fresh:] {
			if slices.ContainsFunc(log, func(kept chat.Event) bool { return kept.ID == ev.ID }) { // else it was deleted
				got = append(got, ev.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d, %d resets: told %v, the log holds %v", seed, len(tp.Resets), got, want)
		}
		tp.Mu.Unlock()
		stop()
	}
	if resets < 6 || resets > flushes {
		t.Errorf("%d resets of %d flushes", resets, flushes)
	}
}
