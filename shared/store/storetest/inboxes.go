package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/testenv"
)

// Personal is what FollowInboxes told of users.
type personal struct {
	mu     sync.Mutex
	got    []string
	resets int
}

func (p *personal) hear(user string, sig chat.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sig.Kind == chat.Reset {
		p.resets++
		return
	}
	p.got = append(p.got, fmt.Sprint(user, " ", sig.Kind, " ", sig.Room, " ", sig.ID))
}

func (p *personal) has(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.got, what)
}

func (p *personal) missed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resets
}

func testInboxesAreFollowedTogether(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	author := s
	if e.Shared {
		author = e.Open(t, store.Options{})
	}
	var p personal
	s.FollowInboxes(t.Context(), p.hear)
	if e.Shared { // it says of each channel that it listens now
		testenv.Await(t, "all channels are subscribed to", 5*time.Second, func() bool { return p.missed() >= 64 })
	}
	ev := Say(t, author, Cat, "hi")
	for _, u := range []chat.User{Ann, Bob} {
		n := Add(t, author, chat.NewNotice(u.ID, chat.AboutMention, ev, ""))
		want := fmt.Sprint(u.ID, " inbox  ", n.ID)
		testenv.Await(t, want, 5*time.Second, func() bool { return p.has(want) })
	}
	Must(author.Mark(t.Context(), Ann.ID, Room, ev.ID))(t)
	want := fmt.Sprint(Ann.ID, " read ", Room, " ", ev.ID)
	testenv.Await(t, want, 5*time.Second, func() bool { return p.has(want) })
	if _, err := s.Follow(t.Context(), chat.Inbox(Ann.ID), new(Tape)); err == nil {
		t.Error("an inbox is followed by itself")
	}
	if e.CutSubscription == nil {
		return
	}
	before := p.missed()
	e.CutSubscription(s)
	testenv.Await(t, "it says that some may have been missed", 10*time.Second, func() bool { return p.missed() > before })
	n := Add(t, author, chat.NewNotice(Ann.ID, chat.AboutReply, ev, ""))
	want = fmt.Sprint(Ann.ID, " inbox  ", n.ID)
	testenv.Await(t, "a notice after the cut, or a reset after it", 10*time.Second, func() bool { return p.has(want) || p.missed() >= before+64 })
}

func testMarksNeverGoBack(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	if marks := Must(s.Marks(t.Context(), Ann.ID))(t); len(marks) > 0 {
		t.Errorf("at first there are %v", marks)
	}
	at := func(ms, seq uint64) chat.ID { return chat.ID{MS: ms, Seq: seq} }
	for _, step := range []struct{ id, want chat.ID }{
		{at(5, 9), at(5, 9)}, {at(5, 10), at(5, 10)}, {at(5, 9), at(5, 10)}, {at(10, 0), at(10, 0)}, {at(9, 99), at(10, 0)},
	} {
		if got := Must(s.Mark(t.Context(), Ann.ID, Room, step.id))(t); got != step.want {
			t.Errorf("after %s the mark is at %s, want %s", step.id, got, step.want)
		}
	}
	Must(s.Mark(t.Context(), Ann.ID, "中文", at(1, 1)))(t)
	Must(s.Mark(t.Context(), Bob.ID, Room, at(3, 0)))(t)
	marks := Must(s.Marks(t.Context(), Ann.ID))(t)
	if len(marks) != 2 || marks[Room] != at(10, 0) || marks["中文"] != at(1, 1) {
		t.Errorf("marks are %v", marks)
	}
}

func testUserHasSoManyMarks(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := part; i < chat.MaxReadMarks; i += 4 {
				if _, err := s.Mark(t.Context(), Ann.ID, chat.RoomID(fmt.Sprint("r", i)), chat.ID{MS: uint64(i + 1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	Must(s.Mark(t.Context(), Ann.ID, "early", chat.ID{MS: 1, Seq: 1}))(t)
	marks := Must(s.Marks(t.Context(), Ann.ID))(t)
	if _, oldest := marks["r0"]; len(marks) != chat.MaxReadMarks || oldest || marks["early"].IsZero() {
		t.Errorf("%d marks, the oldest among them: %t", len(marks), oldest)
	}
}

func testInboxIsErased(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	ev := Say(t, s, Cat, "hi")
	n := chat.NewNotice(Ann.ID, chat.AboutMention, ev, "")
	for _, u := range []chat.User{Ann, Bob} {
		Add(t, s, chat.NewNotice(u.ID, chat.AboutMention, ev, ""))
		Must(s.Mark(t.Context(), u.ID, Room, ev.ID))(t)
	}
	for range 2 { // what is not there, too
		if err := s.EraseInbox(t.Context(), Ann.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []chat.User{Ann, Bob} {
		log, marks := Must(s.Before(t.Context(), chat.Inbox(u.ID), chat.ID{}, 9))(t), Must(s.Marks(t.Context(), u.ID))(t)
		if left := u == Bob; len(log) > 0 != left || len(marks) > 0 != left {
			t.Errorf("of %s there is %v, %v", u.Name, log, marks)
		}
	}
	Add(t, s, n) // its key is forgotten, too
}
