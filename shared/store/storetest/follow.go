package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testFollowIsGapFreeUnderConcurrentAppends(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	gapFree(t, e, s, s)
}

func testFollowIsGapFreeAcrossServers(t *testing.T, e Engine) {
	if e.Shared {
		gapFree(t, e, e.Open(t, store.Options{}), e.Open(t, store.Options{}))
	}
}

// gapFree follows at s, again and again, what is said at author.
func gapFree(t *testing.T, e Engine, s, author store.Store) {
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				_, _, _ = author.Append(t.Context(), chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "x"})
			}
		})
	}
	var followers []*Tape
	for i := range 8 { // each at another moment of the flood, with the subscription cut in between
		tp := Follow(t.Context(), t, s)
		followers = append(followers, tp)
		tp.Await(5*time.Second, "20 events", func() bool { return len(tp.Events) >= 20 })
		if i%3 == 1 && e.CutSubscription != nil {
			e.CutSubscription(s)
		}
	}
	stop()
	writers.Wait()
	last := Must(s.Last(t.Context(), Room))(t)[0]
	for _, tp := range followers {
		tp.Await(10*time.Second, "the last event", func() bool { return tp.Last == last })
		tp.Mu.Lock()
		first := tp.First
		if len(tp.Events) > 0 {
			first = tp.Events[0].Prev
		}
		if first.After(tp.First) || tp.First.After(first) {
			t.Errorf("Follow returned %s, the first event comes after %s", tp.First, first)
		}
		Chained(t, first, tp.Events)
		if len(tp.Resets) > 0 {
			t.Errorf("resets: %v", tp.Resets)
		}
		tp.Mu.Unlock()
	}
}

func testFollowFromTheBeginningOfARoom(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	tp := Follow(t.Context(), t, s)
	if !tp.Last.IsZero() {
		t.Errorf("an empty room's last id is %s", tp.Last)
	}
	a, b := Say(t, s, Ann, "a"), Say(t, s, Bob, "b")
	tp.Hears(5*time.Second, a.ID, b.ID)
	if tp.Events[0] != a || tp.Events[1] != b {
		t.Errorf("heard %+v", tp.Events)
	}
}

func testRoomIsLeftAndJoinedAgain(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var want []chat.ID
	stays := Follow(t.Context(), t, s)
	for i := range 20 {
		ctx, leave := context.WithCancel(t.Context())
		tp := Follow(ctx, t, s)
		ev := Say(t, s, Ann, fmt.Sprint(i))
		want = append(want, ev.ID)
		tp.Hears(2*time.Second, ev.ID)
		leave()
	}
	stays.Hears(2*time.Second, want...)
}

func testRoomIsLeftByItsOnlyFollower(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	for i := range 30 { // the only follower: the channel is left and heard in turn
		ctx, leave := context.WithCancel(t.Context())
		tp := Follow(ctx, t, s)
		ev := Say(t, s, Ann, fmt.Sprint(i))
		tp.Hears(2*time.Second, ev.ID)
		leave()
	}
}

func testManyRoomsAreFollowedAtOnce(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	const n = 300
	rooms := make([]chat.RoomID, n)
	tapes := make([]*Tape, n)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		rooms[i], tapes[i] = chat.RoomID(fmt.Sprint("room", i)), NewTape(t)
		wg.Go(func() {
			Must(s.Follow(ctx, rooms[i], tapes[i]))(t)
			Add(t, s, chat.Event{Room: rooms[i], Kind: chat.Message, By: Ann, Text: "hi"})
		})
	}
	wg.Wait()
	for _, tp := range tapes {
		tp.Await(30*time.Second, "its line", func() bool { return len(tp.Events) == 1 })
	}
	ids := Must(s.Last(ctx, slices.Concat(rooms, rooms, rooms)...))(t)
	if ids[n-1] != tapes[n-1].Last || ids[n-1].IsZero() {
		t.Errorf("the last room's last is %s, heard %s", ids[n-1], tapes[n-1].Last)
	}
	t.Logf("%d rooms took %v", n, time.Since(begun).Round(time.Millisecond))
}

func testSignalsPassBy(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	a, b := Follow(t.Context(), t, s), Follow(t.Context(), t, s)
	sig := chat.Signal{Room: Room, Kind: chat.Typing, By: &Ann}
	if err := s.Signal(t.Context(), sig); err != nil {
		t.Fatal(err)
	}
	for _, tp := range []*Tape{a, b} {
		tp.Await(time.Second, "a signal", func() bool { return len(tp.Signals) == 1 && *tp.Signals[0].By == Ann })
	}
	if evs := Must(s.Since(t.Context(), Room, chat.ID{}, 10))(t); len(evs) > 0 {
		t.Errorf("the log holds %q", Texts(evs))
	}
}

func testReadyMeansThatItDelivers(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Eventually(t, 3*time.Second, "ready", func() error { return s.Ready(t.Context()) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ready(ctx); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("with a context that ended: %v", err)
	}
}

func testCloseEndsWhoWaits(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if _, _, err := s.Append(context.Background(), chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "x"}); err != nil {
					if !errors.Is(err, chat.ErrUnavailable) {
						t.Error(err)
					}
					return
				}
			}
		})
		wg.Go(func() {
			for {
				ctx, leave := context.WithCancel(context.Background())
				_, err := s.Follow(ctx, Room, NewTape(t))
				leave()
				if err != nil {
					if !errors.Is(err, chat.ErrUnavailable) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	tp := Follow(t.Context(), t, s)
	tp.Await(2*time.Second, "a line", func() bool { return len(tp.Events) > 0 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
