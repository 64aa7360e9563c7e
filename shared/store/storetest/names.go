package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testNameHasOneHolder(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	other := chat.User{ID: "u_other", Name: "aNN"}
	first := Say(t, s, Ann, "I am here")
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Message, By: other, Text: "so am I"}, chat.ErrNameTaken)
	Refuse(t, s, chat.Event{Room: "elsewhere", Kind: chat.Message, By: other, Text: "so am I"}, chat.ErrNameTaken)
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Reaction, By: other, Target: first.ID, Emoji: "👍"}, chat.ErrNameTaken)
	if us := Must(s.Here(ctx, "s1", Room, other, Bob))(t); !slices.Equal(us, []chat.User{Bob}) {
		t.Errorf("in the room are %v, where another has the name of one", us)
	}
	if err := s.Free(ctx, Ann); err != nil {
		t.Fatal(err)
	}
	if us := Must(s.Here(ctx, "s1", Room, other))(t); !slices.Equal(us, []chat.User{Bob, other}) {
		t.Errorf("in the room are %v, and the name was given away", us)
	}
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Message, By: Ann, Text: "back"}, chat.ErrNameTaken)
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Ann, Target: first.ID, Text: "I was here"}, chat.ErrNameTaken)
	Add(t, s, chat.Event{Room: Room, Kind: chat.Delete, By: Ann, Target: first.ID}) // what is one's own can be taken back
	if us := Must(s.Here(ctx, "s2", Room, Ann))(t); !slices.Equal(us, []chat.User{Bob, other}) {
		t.Errorf("in the room are %v, after somebody came whose name was taken", us)
	}
	Say(t, s, chat.User{ID: Ann.ID, Name: "Anna"}, "under another name")
}

// A namesake is one of those who want the same name, and does one thing after
// the other.
type namesake struct {
	user  chat.User
	spoke map[string][2]int64 // by text: when the append began and ended
	freed []int64             // when giving the name away began
}

// freedBetween reports whether the name was being given away after one time and
// before another.
func (n namesake) freedBetween(from, to int64) bool {
	return slices.ContainsFunc(n.freed, func(at int64) bool { return from < at && at < to })
}

// Several users of one name post, come and leave at random, on two servers. In
// the log nobody follows another who had not given the name away.
func testNameHasOneSpeakerAtATime(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	servers := []store.Store{s, s}
	if e.Shared {
		servers[1] = e.Open(t, store.Options{})
	}
	var clock atomic.Int64
	them := map[string]*namesake{}
	for i := range 4 {
		n := &namesake{user: chat.User{ID: fmt.Sprintf("u_%d", i), Name: []string{"Ann", "aNN"}[i%2]}, spoke: map[string][2]int64{}}
		them[n.user.ID] = n
	}
	changes := 0
	for round := 0; round < 20 && changes < 3; round++ { // on a busy machine one may do all that it does alone
		var wg sync.WaitGroup
		for _, n := range them {
			wg.Go(func() { n.live(t, servers, &clock, round) })
		}
		wg.Wait()
		changes = handsOf(t, s, them)
	}
	if changes < 3 {
		t.Errorf("the name changed hands %d times: nothing was tried", changes)
	}
}

// handsOf is how often the next line was another's, who must have had the name
// by then.
func handsOf(t *testing.T, s store.Store, them map[string]*namesake) (changes int) {
	last := chat.Event{}
	for _, ev := range Must(s.Since(t.Context(), Room, chat.ID{}, 10_000))(t) {
		if last.By.ID != "" && last.By.ID != ev.By.ID {
			changes++
			before, after := them[last.By.ID], them[ev.By.ID]
			if !before.freedBetween(before.spoke[last.Text][0], after.spoke[ev.Text][1]) {
				t.Errorf("%s speaks after %s, who had not given the name %s away", ev.By.ID, last.By.ID, ev.By.Name)
			}
		}
		last = ev
	}
	return changes
}

// live does things at random.
func (n *namesake) live(t *testing.T, servers []store.Store, clock *atomic.Int64, round int) {
	ctx := t.Context()
	leave := func(at int) {
		n.freed = append(n.freed, clock.Add(1))
		if err := errors.Join(servers[at].Gone(ctx, fmt.Sprintf("s%d", at), Room, n.user), servers[at].Free(ctx, n.user)); err != nil {
			t.Errorf("free: %v", err)
		}
	}
	defer leave(0) // or the others would have nothing to do from here on
	for i := range 150 {
		runtime.Gosched()
		at := rand.N(len(servers))
		switch rand.N(4) {
		case 0, 1:
			text := fmt.Sprintf("%s-%d-%d", n.user.ID, round, i)
			began := clock.Add(1)
			_, _, err := servers[at].Append(ctx, chat.Event{Room: Room, Kind: chat.Message, By: n.user, Text: text})
			n.spoke[text] = [2]int64{began, clock.Add(1)}
			if err != nil && !errors.Is(err, chat.ErrNameTaken) {
				t.Errorf("append: %v", err)
			}
		case 2:
			us, err := servers[at].Here(ctx, fmt.Sprintf("s%d", at), Room, n.user)
			if err != nil || len(us) > 0 && !strings.EqualFold(us[0].Name, n.user.Name) {
				t.Errorf("here: %v, %v", us, err)
			}
		case 3:
			leave(at)
			// Another has a moment in which to take it.
			for until := time.Now().Add(5 * time.Millisecond); time.Now().Before(until); runtime.Gosched() {
				if taken, err := servers[at].Around(ctx, n.user); taken || err != nil {
					break
				}
			}
		}
	}
}
