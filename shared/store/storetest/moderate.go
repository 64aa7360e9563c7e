package storetest

import (
	"testing"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"
)

// What the author did not ask for, moderators, owners and operators do alone.
func testModeratorTakesOutAnyLine(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Make(t, s, Room, chat.Change{})
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "member"}))
	anns, cats := Add(t, s, line(Room, Ann)), Add(t, s, line(Room, Cat))
	remove := func(by chat.User, line chat.Event) chat.Event {
		return chat.Event{Room: line.Room, Kind: chat.Delete, By: by, Target: line.ID}
	}
	Refuse(t, s, remove(Bob, cats), store.ErrNotAuthor)
	Refuse(t, s, remove(Cat, anns), store.ErrNotAuthor)

	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "moderator"}))
	Add(t, s, setting(Room, Ann, chat.Change{Locked: chat.Some(true)}))
	for _, said := range []chat.Event{anns, cats} {
		removed := Add(t, s, remove(Bob, said))
		evs := Must(s.Before(t.Context(), Room, chat.ID{}, 50))(t)
		if last := evs[len(evs)-1]; last.ID != removed.ID || last.By != Bob || last.Target != said.ID {
			t.Errorf("the log ends with %+v, want the deletion by Bob", last)
		}
		for _, ev := range evs {
			if ev.ID == said.ID {
				t.Errorf("the line of %s is in the log", said.By.Name)
			}
		}
		Refuse(t, s, remove(Ann, said), store.ErrNoTarget)
	}

	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "guest"}))
	Refuse(t, s, remove(Bob, Add(t, s, line(Room, Ann))), store.ErrNotAuthor)
}

// An operator is an owner everywhere, also in a room that nobody made, and
// belongs to none of them by that.
func testOperatorIsOwnerEverywhere(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	as := func(ev chat.Event) chat.Event {
		ev.AsOperator = true
		return ev
	}
	said := Say(t, s, Bob, "spam")
	remove := chat.Event{Room: Room, Kind: chat.Delete, By: Cat, Target: said.ID}
	Refuse(t, s, remove, store.ErrNotAuthor)
	Add(t, s, as(remove))
	Add(t, s, as(standing(Room, Cat, chat.Standing{User: Bob, Ban: chat.Banned})))
	Refuse(t, s, line(Room, Bob), access.ErrBanned)

	named := setting(Room, chat.User{ID: Cat.ID, Name: Bob.Name}, chat.Change{Locked: chat.Some(false)})
	Must(s.Here(t.Context(), "one", "hall", Bob))(t) // who is here has the name
	Refuse(t, s, as(line(Room, named.By)), chat.ErrNameTaken)
	Add(t, s, as(named))

	private, gone := chat.NewPrivateRoom(), chat.NewPrivateRoom()
	Make(t, s, private, chat.Change{Access: chat.AccessPrivate})
	Refuse(t, s, line(private, Cat), access.ErrHidden)
	Add(t, s, as(line(private, Cat)))
	Add(t, s, as(standing(private, Cat, chat.Standing{User: Bob, Role: "owner"})))
	Add(t, s, as(standing(private, Cat, chat.Standing{User: Ann, Ban: chat.Banned})))
	Refuse(t, s, as(line(gone, Cat)), access.ErrHidden)

	Make(t, s, "hall", chat.Change{})
	Add(t, s, as(standing("hall", Cat, chat.Standing{User: Ann, Ban: chat.Banned})))
	// A room that was made is not everybody's because its last owner is gone.
	titled := chat.Event{Room: "hall", Kind: chat.Title, By: Cat, Text: "Anybody's"}
	Refuse(t, s, titled, access.ErrRole)
	Add(t, s, as(titled))
	direct := chat.DirectRoom([]byte("Ann and Bob")) // has no owners, and its people title it
	Add(t, s, chat.Event{Room: direct, Kind: chat.Title, By: Ann, Set: chat.Change{
		Made: true, Access: chat.AccessDirect, With: chat.NewUserList([]chat.User{Ann, Bob}),
	}})
	Add(t, s, chat.Event{Room: direct, Kind: chat.Title, By: Bob, Text: "Us"})
	if f := Must(s.Facts(t.Context(), Cat.ID, private))(t)[0]; f.Role != chat.Guest {
		t.Errorf("what an operator did made them %v of the room", f.Role)
	}
}

// Who keeps a room in order is not counted as who might flood it.
func testModeratorsHaveNoDaysShare(t *testing.T, e Engine) {
	const share = 3
	s := e.Open(t, store.Options{PostsPerDay: share})
	Make(t, s, Room, chat.Change{})
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "moderator"}))
	for i, u := range []chat.User{Bob, Cat} {
		said := line(Room, u)
		said.From = "198.51.100.7"
		for range share {
			Add(t, s, said)
		}
		if i == 0 {
			Add(t, s, said)
			continue
		}
		Refuse(t, s, said, chat.ErrTooMany)
	}
}
