package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func testOwnedNameIsRefusedToOthers(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	other := chat.User{ID: "u_other", Name: "aNN"}
	try := func(err error, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	others := func(refused bool) {
		t.Helper()
		if taken := Must(s.Around(ctx, other))(t); taken != refused {
			t.Errorf("somebody else has the name: %t, want %t", taken, refused)
		}
		if us := Must(s.Here(ctx, "s1", Room, other))(t); slices.Contains(us, other) == refused {
			t.Errorf("in the room are %v", us)
		}
		if refused {
			try(s.Own(ctx, other), chat.ErrNameTaken)
			Refuse(t, s, chat.Event{Room: Room, Kind: chat.Message, By: other, Text: "I am Ann"}, chat.ErrNameTaken)
		}
	}
	Say(t, s, Bob, "before")
	try(s.Own(ctx, chat.User{ID: "u_x", Name: "BOB"}), chat.ErrNameTaken) // who is here has it
	try(s.Own(ctx, Ann), nil)
	try(s.Own(ctx, Ann), nil)
	try(s.Free(ctx, Ann), nil)
	others(true)
	e.AgeName(t, s, Ann.Name, store.NameLife-time.Hour)
	others(true)
	Say(t, s, Ann, "once a year")
	e.AgeName(t, s, Ann.Name, store.NameLife-time.Hour)
	others(true)
	Must(s.Here(ctx, "s1", Room, Ann))(t)
	e.AgeName(t, s, Ann.Name, store.NameLife-time.Hour)
	others(true)
	try(s.Disown(ctx, other), nil) // it is not theirs to give away
	others(true)
	e.AgeName(t, s, Ann.Name, 2*time.Hour)
	others(false)
	try(s.Free(ctx, other), nil)
	try(s.Own(ctx, Ann), nil)
	others(true)
	try(s.Disown(ctx, Ann), nil)
	others(false)
}

// Several users want to own one name, speak by it and give it away at random, on
// two servers. While one owns it, nobody else gets a word in.
func testNameIsOwnedByOne(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	servers := []store.Store{s, s}
	if e.Shared {
		servers[1] = e.Open(t, store.Options{})
	}
	var owners, turns atomic.Int32
	var changes atomic.Int64 // odd: somebody owns the name
	var wg sync.WaitGroup
	for i := range 4 {
		u := chat.User{ID: fmt.Sprintf("u_%d", i), Name: []string{"Ann", "aNN"}[i%2]}
		wg.Go(func() {
			for range 60 {
				at := servers[rand.N(len(servers))]
				err := at.Own(t.Context(), u)
				if errors.Is(err, chat.ErrNameTaken) {
					before := changes.Load()
					_, _, err := at.Append(t.Context(), chat.Event{Room: Room, Kind: chat.Message, By: u, Text: "not I"})
					if after := changes.Load(); err == nil && before == after && before%2 == 1 {
						t.Errorf("%s speaks by a name that another owns", u.ID)
					}
					_ = at.Free(t.Context(), u)
					continue
				}
				if n := owners.Add(1); err != nil || n != 1 {
					t.Errorf("%d own the name, %v", n, err)
				}
				turns.Add(1)
				changes.Add(1)
				if _, _, err := at.Append(t.Context(), chat.Event{Room: Room, Kind: chat.Message, By: u, Text: "I"}); err != nil {
					t.Errorf("the owner speaks: %v", err)
				}
				changes.Add(1)
				owners.Add(-1)
				if err := errors.Join(at.Disown(t.Context(), u), at.Free(t.Context(), u)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if turns.Load() < 4 {
		t.Errorf("the name was owned %d times: nothing was tried", turns.Load())
	}
}

func testAccountIsChangedByOneAtATime(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	kept := func(want string) {
		t.Helper()
		if v := Must(s.Account(ctx, Ann.ID))(t); string(v) != want || want == "" && v != nil {
			t.Errorf("%q is kept, want %q", v, want)
		}
	}
	kept("")
	for _, step := range []struct {
		old, value string
		done       bool
	}{{"0", "1", false}, {"", "0", true}, {"", "1", false}} {
		if done := Must(s.SetAccount(ctx, Ann.ID, []byte(step.old), []byte(step.value)))(t); done != step.done {
			t.Errorf("%q to %q: %t", step.old, step.value, done)
		}
	}
	kept("0")
	var wg sync.WaitGroup
	for range 4 { // each counts up
		wg.Go(func() {
			for range 5 {
				for done := false; !done; {
					v := Must(s.Account(ctx, Ann.ID))(t)
					n, _ := strconv.Atoi(string(v))
					done = Must(s.SetAccount(ctx, Ann.ID, v, []byte(strconv.Itoa(n+1))))(t)
				}
			}
		})
	}
	wg.Wait()
	kept("20")
	if v := Must(s.Account(ctx, Bob.ID))(t); v != nil {
		t.Errorf("%q is kept of another", v)
	}
	if !Must(s.SetAccount(ctx, Ann.ID, []byte("20"), nil))(t) {
		t.Error("an account cannot be forgotten")
	}
	kept("")
}
