package bolt_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// BenchmarkAppend is posts by so many writers in 20 rooms, each synced before
// it is acknowledged.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		for _, keyed := range []bool{false, true} {
			b.Run(fmt.Sprintf("writers=%d/keyed=%t", writers, keyed), func(b *testing.B) {
				s, _ := open(b, store.Options{History: 10_000})
				appends(b, s, writers, keyed)
			})
		}
	}
}

func appends(b *testing.B, s *bolt.Store, writers int, keyed bool) {
	var n atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	text := fmt.Sprintf("%0100d", 1)
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			var mine []time.Duration
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				ev := chat.Event{Room: chat.RoomID(fmt.Sprint("room", i%20)), Kind: chat.Message, By: ann, Text: text}
				if keyed {
					ev.Key = fmt.Sprint("key-", i)
				}
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
	slices.Sort(took)
	if len(took) > 0 {
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "worst-ms")
	}
}
