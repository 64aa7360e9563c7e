package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// BenchmarkAppends is posts in 20 rooms by one writer and by 64, with and without
// an idempotency key. Open makes an engine without limits.
func BenchmarkAppends(b *testing.B, open func(testing.TB, store.Options) store.Store) {
	for _, writers := range []int{1, 64} {
		for _, keyed := range []bool{false, true} {
			b.Run(fmt.Sprintf("writers=%d/keyed=%t", writers, keyed), func(b *testing.B) {
				s := open(b, store.Options{History: 10_000})
				var n atomic.Int64
				Posts(b, s, writers, func() (chat.Event, bool) {
					i := n.Add(1)
					ev := chat.Event{Room: chat.RoomID(fmt.Sprint("room", i%20)), Kind: chat.Message, By: Ann, Text: strings.Repeat("x", 100)}
					if keyed {
						ev.Key = fmt.Sprint("key-", i)
					}
					return ev, i <= int64(b.N)
				})
			})
		}
	}
}

// Posts has so many writers append what next gives them, until it reports false,
// and reports how many a second that were and how long they waited.
func Posts(b *testing.B, s store.Store, writers int, next func() (chat.Event, bool)) {
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			var mine []time.Duration
			for ev, ok := next(); ok; ev, ok = next() {
				begun := time.Now()
				if _, _, err := s.Append(context.Background(), ev); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	b.StopTimer()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "posts/s")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "worst-ms")
}
