package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"
)

// addAll writes what makes of 0 to n-1, many at a time.
func addAll(tb testing.TB, s store.Store, n int, makes func(i int) chat.Event) {
	tb.Helper()
	next := make(chan int)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range next {
				if _, _, err := s.Append(tb.Context(), makes(i)); err != nil {
					tb.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// What is over makes place for more.
func testRoomHasSoManyPeople(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{History: 100})
	Make(t, s, Room, chat.Change{})
	who := func(what string, i int) chat.User {
		return chat.User{ID: fmt.Sprint("u_", what, i), Name: fmt.Sprint(what, i)}
	}
	addAll(t, s, chat.MaxMembers-1, func(i int) chat.Event {
		return standing(Room, Ann, chat.Standing{User: who("member", i), Role: "member"})
	})
	Refuse(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "member"}), access.ErrFull)
	Add(t, s, standing(Room, Ann, chat.Standing{User: who("member", 7), Role: "moderator"}))
	if all := Must(s.Members(t.Context(), Room))(t); len(all) != chat.MaxMembers {
		t.Errorf("the room has %d members", len(all))
	}
	soon := time.Now().Add(time.Hour).UnixMilli()
	addAll(t, s, chat.MaxBans, func(i int) chat.Event {
		return standing(Room, Ann, chat.Standing{User: who("banned", i), Ban: chat.Banned, Until: soon})
	})
	Refuse(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Mute}), access.ErrFull)
	if all := Must(s.Bans(t.Context(), Room))(t); len(all) != chat.MaxBans {
		t.Errorf("the room has %d bans", len(all))
	}
	Add(t, s, standing(Room, Ann, chat.Standing{User: who("banned", 7), Ban: chat.Banned, Until: 1})) // over by now
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Mute}))
	addAll(t, s, chat.MaxInvites, func(i int) chat.Event {
		return setting(Room, Ann, chat.Change{Invite: chat.Invite{ID: fmt.Sprint("i", i), Role: "member", Uses: 1, Until: soon}})
	})
	Refuse(t, s, setting(Room, Ann, chat.Change{Invite: chat.Invite{ID: "more", Role: "member", Uses: 1, Until: soon}}), access.ErrFull)
}

func testMadeRoomsAreCounted(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{RoomsPerDay: 2})
	makes := func(room chat.RoomID, a chat.Access) chat.Event {
		return chat.Event{Room: room, Kind: chat.Title, By: Ann, Text: "x", From: "10.0.0.1", Set: chat.Change{Made: true, Access: a}}
	}
	Add(t, s, makes("one", chat.AccessOpen))
	Add(t, s, makes(chat.NewPrivateRoom(), chat.AccessPrivate))
	for _, ev := range []chat.Event{makes("two", chat.AccessOpen), makes(chat.NewPrivateRoom(), chat.AccessPrivate), makes(chat.DirectRoom([]byte("people")), chat.AccessDirect)} {
		_, _, err := s.Append(t.Context(), ev)
		if retry, ok := errors.AsType[*chat.RetryError](err); !ok || !errors.Is(err, chat.ErrTooMany) || retry.After < time.Hour {
			t.Errorf("one room more, %s: %v", ev.Room, err)
		}
	}
}
