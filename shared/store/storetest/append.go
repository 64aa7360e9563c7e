package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testAppendChainsEventsByPrev(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var evs []chat.Event
	for i := range 300 {
		evs = append(evs, Say(t, s, Ann, fmt.Sprint("line ", i)))
	}
	Chained(t, chat.ID{}, evs)
	got := Must(s.Since(t.Context(), Room, chat.ID{}, 1000))(t)
	if !slices.Equal(got, evs) {
		t.Errorf("the log holds %d events, not the %d that were appended", len(got), len(evs))
	}
}

func testConcurrentAppendsMakeOneChain(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	var wg sync.WaitGroup
	for w := range 20 {
		wg.Go(func() {
			for i := range 25 {
				Say(t, s, Ann, fmt.Sprint(w, "-", i))
			}
		})
	}
	wg.Wait()
	evs := Must(s.Since(t.Context(), Room, chat.ID{}, 1000))(t)
	Chained(t, chat.ID{}, evs)
	if len(evs) != 500 {
		t.Errorf("%d events, want 500", len(evs))
	}
}

func testRepeatUnderItsKeyIsOneEvent(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	ev := chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "hi", Key: "k1"}
	first := Add(t, s, ev)
	Say(t, s, Bob, "between")

	again, replayed, err := s.Append(t.Context(), ev)
	if err != nil || !replayed || again.ID != first.ID || again.Prev != first.Prev {
		t.Errorf("repeat: %v, replayed %t, %v; want %v", again, replayed, err, first)
	}
	renamed := ev
	renamed.By.Name = "Anna"
	if again, replayed, err := s.Append(t.Context(), renamed); err != nil || !replayed || again.ID != first.ID {
		t.Errorf("repeat after a change of name: %v, replayed %t, %v", again, replayed, err)
	}
	other := ev
	other.Text = "ho"
	Refuse(t, s, other, chat.ErrReused)
	ev.By = Bob
	if got := Add(t, s, ev); got.ID == first.ID {
		t.Error("another user's key is the same key")
	}
	if got := Texts(Must(s.Since(t.Context(), Room, chat.ID{}, 10))(t)); got != "hi between hi" {
		t.Errorf("the log holds %q", got)
	}
}

// Keys are kept in generations of ten minutes, by a clock that may jump.
func testKeyIsKnownUntilTheSecondGenerationAfterIt(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	ev := chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "hi", Key: "k1"}
	first := Add(t, s, ev)
	for turn := range 2 {
		e.Age(t, s, time.Hour)
		if again, replayed, err := s.Append(t.Context(), ev); err != nil || !replayed || again.ID != first.ID {
			t.Errorf("after %d turns: %v, replayed %t, %v; want %v", turn, again, replayed, err, first)
		}
		Say(t, s, Bob, "between")
	}
	if got := Add(t, s, ev); got.ID == first.ID {
		t.Error("the key is known for ever")
	}
}

func testConcurrentRepeatsAreOneEvent(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{PostsPerSecond: 1, PostBurst: 1})
	ids := make(chan chat.ID, 20)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ev, _, err := s.Append(t.Context(), chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "hi", Key: "k"})
			if err != nil {
				t.Error(err)
			}
			ids <- ev.ID
		})
	}
	wg.Wait()
	first := <-ids
	for range 19 {
		if id := <-ids; id != first {
			t.Errorf("one key is %s and %s", first, id)
		}
	}
	if evs := Must(s.Since(t.Context(), Room, chat.ID{}, 30))(t); len(evs) != 1 {
		t.Errorf("%d events", len(evs))
	}
}

func testOnlyTheAuthorChangesAMessage(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	msg := Say(t, s, Ann, "mine")
	on := func(kind chat.Kind, by chat.User, target chat.ID) chat.Event {
		ev := chat.Event{Room: Room, Kind: kind, By: by, Target: target}
		switch kind {
		case chat.Edit:
			ev.Text = "edited"
		case chat.Reaction:
			ev.Emoji = "👍"
		}
		return ev
	}
	Refuse(t, s, on(chat.Edit, Bob, msg.ID), chat.ErrForbidden)
	Refuse(t, s, on(chat.Delete, Bob, msg.ID), chat.ErrForbidden)
	Refuse(t, s, on(chat.Edit, Ann, chat.ID{MS: 5}), chat.ErrNotFound)
	reaction := Add(t, s, on(chat.Reaction, Bob, msg.ID))
	Refuse(t, s, on(chat.Reaction, Ann, reaction.ID), chat.ErrNotFound)
	Add(t, s, on(chat.Edit, Ann, msg.ID))
	Add(t, s, on(chat.Delete, Ann, msg.ID))
	Refuse(t, s, on(chat.Edit, Ann, msg.ID), chat.ErrNotFound)
	Refuse(t, s, on(chat.Delete, Ann, msg.ID), chat.ErrNotFound)
	Refuse(t, s, on(chat.Reaction, Bob, msg.ID), chat.ErrNotFound)
}

func testDeleteTakesTheTextOutOfTheLog(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	start := Say(t, s, Bob, "before")
	msg := Say(t, s, Ann, "secret")
	stays := Say(t, s, Ann, "stays")
	for i := range 3 {
		Add(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Ann, Target: msg.ID, Text: fmt.Sprint("secret ", i)})
		Add(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Ann, Target: stays.ID, Text: fmt.Sprint("stays ", i)})
	}
	Add(t, s, chat.Event{Room: Room, Kind: chat.Delete, By: Ann, Target: msg.ID})
	want := "before stays 2 edit:stays 2 delete:"
	if got := Texts(Must(s.Before(t.Context(), Room, chat.ID{}, 20))(t)); got != want {
		t.Errorf("the log holds %q, want %q", got, want)
	}
	if got := Texts(Must(s.Since(t.Context(), Room, start.ID, 20))(t)); "before "+got != want {
		t.Errorf("after the first: %q", got)
	}
}

// Wherever a reader begins, no text is given that another one replaced.
func testEditReplacesTheTextInTheLog(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	start := Say(t, s, Bob, "before")
	msg := Say(t, s, Ann, "first")
	Say(t, s, Ann, "between")
	for _, text := range []string{"second", "third", "last"} {
		Add(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Ann, Target: msg.ID, Text: text})
	}
	end := Say(t, s, Bob, "after")
	for what, got := range map[string][]chat.Event{
		"all":                Must(s.Since(t.Context(), Room, chat.ID{}, 20))(t),
		"the last":           Must(s.Before(t.Context(), Room, chat.ID{}, 20))(t),
		"after the start":    Must(s.Since(t.Context(), Room, start.ID, 1))(t),
		"after the message":  Must(s.Since(t.Context(), Room, msg.ID, 20))(t),
		"before the edits":   Must(s.Before(t.Context(), Room, msg.ID.Next(), 1))(t),
		"only the last edit": Must(s.Before(t.Context(), Room, end.ID, 1))(t),
	} {
		want := map[string]string{
			"all": "before last between edit:last after", "the last": "before last between edit:last after",
			"after the start": "last", "after the message": "between edit:last after",
			"before the edits": "last", "only the last edit": "edit:last",
		}[what]
		if Texts(got) != want {
			t.Errorf("%s: %q, want %q", what, Texts(got), want)
		}
	}
}
