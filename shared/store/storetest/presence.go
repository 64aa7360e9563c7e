package storetest

import (
	"slices"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

func testPresence(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	ctx := t.Context()
	people := func(want ...chat.User) {
		t.Helper()
		if got := Must(s.People(ctx, Room))(t); !slices.Equal(got, want) {
			t.Errorf("people: %v, want %v", got, want)
		}
	}
	around := func(u chat.User, want bool) {
		t.Helper()
		if got := Must(s.Around(ctx, u))(t); got != want {
			t.Errorf("somebody else named %s is around: %t, want %t", u.Name, got, want)
		}
	}
	people()
	Must(s.Here(ctx, "s1", Room, Bob, Ann))(t)
	if got := Must(s.Here(ctx, "s2", Room, Ann))(t); !slices.Equal(got, []chat.User{Ann, Bob}) {
		t.Errorf("Here says %v", got)
	}
	people(Ann, Bob)
	around(Ann, false)
	around(chat.User{ID: "u_x", Name: "aNN"}, true)
	around(chat.User{ID: "u_x", Name: "Cid"}, false)

	if err := s.Gone(ctx, "s1", Room, Ann, Bob); err != nil {
		t.Error(err)
	}
	people(Ann) // on the other server
	if err := s.Gone(ctx, "s2", Room, Ann); err != nil {
		t.Error(err)
	}
	people()
	around(chat.User{ID: "u_x", Name: "Ann"}, true) // in another room, it may be
	if err := s.Free(ctx, Ann, chat.User{ID: "u_x", Name: "Bob"}); err != nil {
		t.Error(err)
	}
	around(chat.User{ID: "u_x", Name: "Ann"}, false)
	around(chat.User{ID: "u_y", Name: "Bob"}, true) // it was not theirs to give away

}
