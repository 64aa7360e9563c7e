package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// A Tape records what a follower is told, and fails on what must not be.
type Tape struct {
	tb    testing.TB
	First chat.ID // what Follow returned

	Mu      sync.Mutex // guards what follows
	Last    chat.ID
	Events  []chat.Event
	Signals []chat.Signal
	Resets  []chat.ID
	Fresh   int           // how many of the events came before the last reset
	more    chan struct{} // closed and made anew at each call
}

// NewTape returns an empty one, which nothing tells of anything yet.
func NewTape(tb testing.TB) *Tape { return &Tape{tb: tb, more: make(chan struct{})} }

// Follow records what a store tells of [Room] until ctx ends.
func Follow(ctx context.Context, tb testing.TB, s store.Store) *Tape {
	tb.Helper()
	return followRoom(ctx, tb, s, Room)
}

func followRoom(ctx context.Context, tb testing.TB, s store.Store, room chat.RoomID) *Tape {
	tb.Helper()
	tp := NewTape(tb)
	tp.Mu.Lock()
	first, err := s.Follow(ctx, room, tp)
	tp.First, tp.Last = first, first
	tp.Mu.Unlock()
	if err != nil {
		tb.Fatal(err)
	}
	return tp
}

func (tp *Tape) Event(l chat.Line) {
	ev := l.Event
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	if !ev.ID.After(tp.Last) {
		tp.tb.Errorf("%s after %s", ev.ID, tp.Last)
	}
	if want := chat.JSON(ev); !bytes.Equal(l.JSON, want) {
		tp.tb.Errorf("its JSON is %s, want %s", l.JSON, want)
	}
	tp.Last = ev.ID
	tp.Events = append(tp.Events, ev)
	tp.told()
}

func (tp *Tape) Signal(sig chat.Signal) {
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	tp.Signals = append(tp.Signals, sig)
	tp.told()
}

func (tp *Tape) Reset(last chat.ID) {
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	tp.Last = last
	tp.Fresh = len(tp.Events)
	tp.Resets = append(tp.Resets, last)
	tp.told()
}

func (tp *Tape) told() {
	close(tp.more)
	tp.more = make(chan struct{})
}

// Await waits until the tape satisfies, which is asked with tp.Mu held.
func (tp *Tape) Await(within time.Duration, what string, satisfies func() bool) {
	tp.tb.Helper()
	late := time.After(within)
	for {
		tp.Mu.Lock()
		ok, more := satisfies(), tp.more
		tp.Mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-late:
			tp.Mu.Lock()
			defer tp.Mu.Unlock()
			tp.tb.Fatalf("not within %v: %s; events %q, resets %v, signals %v", within, what, Texts(tp.Events), tp.Resets, tp.Signals)
		}
	}
}

// Hears waits for these events, and fails on any other.
func (tp *Tape) Hears(within time.Duration, want ...chat.ID) {
	tp.tb.Helper()
	tp.Await(within, fmt.Sprint(len(want), " events"), func() bool { return len(tp.Events) >= len(want) })
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	got := make([]chat.ID, len(tp.Events))
	for i, ev := range tp.Events {
		got[i] = ev.ID
	}
	if !slices.Equal(got, want) {
		tp.tb.Fatalf("heard %v, want %v", got, want)
	}
}
