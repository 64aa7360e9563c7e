package redis_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store/redis"
)

// A tape records what a follower is told, and fails on what must not be.
type tape struct {
	tb    testing.TB
	first chat.ID // what Follow returned

	mu      sync.Mutex
	last    chat.ID
	events  []chat.Event
	signals []chat.Signal
	resets  []chat.ID
	fresh   int           // how many of the events came before the last reset
	more    chan struct{} // closed and made anew at each call
}

func follow(ctx context.Context, tb testing.TB, s *redis.Store) *tape {
	tb.Helper()
	tp := &tape{tb: tb, more: make(chan struct{})}
	tp.mu.Lock()
	first, err := s.Follow(ctx, room, tp)
	tp.first, tp.last = first, first
	tp.mu.Unlock()
	if err != nil {
		tb.Fatal(err)
	}
	return tp
}

func (tp *tape) Event(ev chat.Event) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if !ev.ID.After(tp.last) {
		tp.tb.Errorf("%s after %s", ev.ID, tp.last)
	}
	tp.last = ev.ID
	tp.events = append(tp.events, ev)
	tp.told()
}

func (tp *tape) Signal(sig chat.Signal) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.signals = append(tp.signals, sig)
	tp.told()
}

func (tp *tape) Reset(last chat.ID) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.last = last
	tp.fresh = len(tp.events)
	tp.resets = append(tp.resets, last)
	tp.told()
}

func (tp *tape) told() {
	close(tp.more)
	tp.more = make(chan struct{})
}

// await waits until the tape satisfies, which is asked with tp.mu held.
func (tp *tape) await(within time.Duration, what string, satisfies func() bool) {
	tp.tb.Helper()
	late := time.After(within)
	for {
		tp.mu.Lock()
		ok, more := satisfies(), tp.more
		tp.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-late:
			tp.mu.Lock()
			defer tp.mu.Unlock()
			tp.tb.Fatalf("not within %v: %s; events %q, resets %v, signals %v", within, what, texts(tp.events), tp.resets, tp.signals)
		}
	}
}

func (tp *tape) hears(within time.Duration, want ...chat.ID) {
	tp.tb.Helper()
	tp.await(within, fmt.Sprint(len(want), " events"), func() bool { return len(tp.events) >= len(want) })
	tp.mu.Lock()
	defer tp.mu.Unlock()
	got := make([]chat.ID, len(tp.events))
	for i, ev := range tp.events {
		got[i] = ev.ID
	}
	if !slices.Equal(got, want) {
		tp.tb.Fatalf("heard %v, want %v", got, want)
	}
}
