package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"
)

// Cat belongs to no room at first.
var Cat = chat.User{ID: "u_cat", Name: "Cat"}

// Make makes a room that Ann owns.
func Make(tb testing.TB, s store.Store, room chat.RoomID, set chat.Change) {
	tb.Helper()
	set.Made = true
	Add(tb, s, chat.Event{Room: room, Kind: chat.Title, By: Ann, Text: "Family", Set: set})
}

// A line in a room, a role that somebody gets, and a change of the room.
func line(room chat.RoomID, by chat.User) chat.Event {
	return chat.Event{Room: room, Kind: chat.Message, By: by, Text: "hi"}
}

func standing(room chat.RoomID, by chat.User, m chat.Standing) chat.Event {
	return chat.Event{Room: room, Kind: chat.Standings, By: by, Member: m}
}

func setting(room chat.RoomID, by chat.User, set chat.Change) chat.Event {
	return chat.Event{Room: room, Kind: chat.Title, By: by, Set: set}
}

func testPrivateRoomIsItsMembers(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	room := chat.NewPrivateRoom()
	Refuse(t, s, line(room, Ann), access.ErrHidden) // a first post makes none
	Make(t, s, room, chat.Change{Access: chat.AccessPrivate})
	Refuse(t, s, line(room, Bob), access.ErrHidden)
	Refuse(t, s, standing(room, Bob, chat.Standing{User: Bob, Role: "member"}), access.ErrHidden)
	Refuse(t, s, setting(room, Ann, chat.Change{Made: true, Access: chat.AccessPrivate}), access.ErrExists)
	Add(t, s, standing(room, Ann, chat.Standing{User: Bob, Role: "member"}))
	Add(t, s, line(room, Bob))
	Refuse(t, s, standing(room, Bob, chat.Standing{User: Bob, Role: "owner"}), access.ErrRole)
	Refuse(t, s, setting(room, Ann, chat.Change{Access: chat.AccessOpen}), access.ErrFixed)
	Refuse(t, s, standing(room, Ann, chat.Standing{User: Ann, Role: "guest"}), access.ErrLast)
	Add(t, s, standing(room, Ann, chat.Standing{User: Bob, Role: "owner"}))
	Add(t, s, standing(room, Ann, chat.Standing{User: Ann, Role: "guest"}))
	Refuse(t, s, line(room, Ann), access.ErrHidden)

	want := []chat.Belonging{{User: Bob, Role: "owner"}}
	if got := Must(s.Members(t.Context(), room))(t); !slices.Equal(got, want) {
		t.Errorf("members are %v, want %v", got, want)
	}
	f := Must(s.Facts(t.Context(), Bob.ID, room))(t)[0]
	if f.Role != chat.Owner || !f.Room.Exists || f.Room.Access != chat.AccessPrivate || f.Room.Owners != 1 || f.Room.Members != 1 {
		t.Errorf("facts are %+v", f)
	}
	for _, listed := range Must(s.Rooms(t.Context()))(t) {
		if listed.ID == room {
			t.Error("a private room is listed")
		}
	}
}

// What was acknowledged on one server holds on every other from then on.
func testBanHoldsFromItsAcknowledgementOn(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	other := s
	if e.Shared {
		other = e.Open(t, store.Options{})
	}
	Make(t, s, Room, chat.Change{})
	Add(t, other, line(Room, Bob))
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Mute, Until: time.Now().Add(time.Hour).UnixMilli()}))
	Refuse(t, other, line(Room, Bob), access.ErrMuted)
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Mute, Until: 1})) // it was over long ago
	Add(t, other, line(Room, Bob))
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Banned}))
	Refuse(t, other, line(Room, Bob), access.ErrBanned)
	if f := Must(other.Facts(t.Context(), Bob.ID, Room))(t)[0]; f.Ban.Ban != chat.Banned || f.Ban.By != Ann {
		t.Errorf("the ban is %+v", f.Ban)
	}
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Unban}))
	Add(t, other, line(Room, Bob))
	Add(t, s, setting(Room, Ann, chat.Change{Locked: chat.Some(true)}))
	Refuse(t, other, line(Room, Bob), access.ErrLocked)
	Add(t, other, line(Room, Ann))
	Add(t, s, setting(Room, Ann, chat.Change{Locked: chat.Some(false), Posting: chat.PostMembers}))
	Refuse(t, other, line(Room, Bob), access.ErrPosting)
	Refuse(t, other, chat.Event{Room: Room, Kind: chat.Title, By: Bob, Text: "mine"}, access.ErrRole)
	Refuse(t, other, standing(Room, Bob, chat.Standing{User: Ann, Ban: chat.Banned}), access.ErrRole)
}

func testModeratorsModerate(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{PostsPerSecond: 1, PostBurst: 3})
	Make(t, s, Room, chat.Change{})
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "moderator"}))
	said := Add(t, s, line(Room, Cat))
	remove := chat.Event{Room: Room, Kind: chat.Delete, By: Bob, Target: said.ID}
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Edit, By: Bob, Target: said.ID, Text: "x"}, chat.ErrForbidden)
	Add(t, s, remove)
	Refuse(t, s, standing(Room, Bob, chat.Standing{User: Ann, Ban: chat.Banned}), access.ErrRole)
	Refuse(t, s, standing(Room, Bob, chat.Standing{User: Cat, Role: "moderator"}), access.ErrRole)
	for range 8 { // what moderators do is not counted as posts
		Add(t, s, standing(Room, Bob, chat.Standing{User: Cat, Ban: chat.Mute}))
	}
	Refuse(t, s, setting(Room, Bob, chat.Change{Access: chat.AccessUnlisted}), access.ErrRole)
	op := setting(Room, Cat, chat.Change{Access: chat.AccessUnlisted})
	op.AsOperator = true
	Add(t, s, op)
	if listed := Must(s.Rooms(t.Context()))(t); len(listed) > 0 {
		t.Errorf("an unlisted room is listed: %v", listed)
	}
}

func testInviteLetsInSoMany(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	room := chat.NewPrivateRoom()
	Make(t, s, room, chat.Change{Access: chat.AccessPrivate})
	in := chat.Invite{ID: "i1", Role: "member", Uses: 1, Until: time.Now().Add(time.Hour).UnixMilli()}
	Add(t, s, setting(room, Ann, chat.Change{Invite: in}))
	join := func(u chat.User, invite string) chat.Event {
		return standing(room, u, chat.Standing{User: u, Role: "member", Invite: invite})
	}
	Refuse(t, s, join(Bob, "i2"), access.ErrInvite)
	Add(t, s, join(Bob, "i1"))
	Refuse(t, s, join(Cat, "i1"), access.ErrInvite)
	in.ID, in.Until = "i3", 1
	Add(t, s, setting(room, Ann, chat.Change{Invite: in}))
	Refuse(t, s, join(Cat, "i3"), access.ErrInvite)
	if got := Must(s.Invites(t.Context(), room))(t); len(got) > 0 {
		t.Errorf("good invites are %v", got)
	}
	in.ID, in.Until = "i4", 0
	Add(t, s, setting(room, Ann, chat.Change{Invite: in}))
	Add(t, s, setting(room, Ann, chat.Change{Invite: chat.Invite{ID: "i4", Off: true}}))
	Refuse(t, s, join(Cat, "i4"), access.ErrInvite)
}

func testSlowRoomHasUsersWait(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Make(t, s, Room, chat.Change{Slow: chat.Some(30)})
	first := line(Room, Bob)
	first.Key = "k1"
	Add(t, s, first)
	_, _, err := s.Append(t.Context(), line(Room, Bob))
	if retry, ok := errors.AsType[*chat.RetryError](err); !ok || retry.After < 20*time.Second || retry.After > 30*time.Second {
		t.Errorf("a second line: %v", err)
	}
	if _, replayed, err := s.Append(t.Context(), first); err != nil || !replayed {
		t.Errorf("a repeat of the first: replayed %t, %v", replayed, err)
	}
	Add(t, s, line(Room, Cat))
	Add(t, s, line(Room, Ann))
	Add(t, s, line(Room, Ann))
}

func testClosedRoomIsErased(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Make(t, s, Room, chat.Change{})
	Add(t, s, line(Room, Bob))
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "member"}))
	closing := Add(t, s, setting(Room, Ann, chat.Change{Access: chat.AccessClosed}))
	if evs := Must(s.Before(t.Context(), Room, chat.ID{}, 9))(t); len(evs) != 1 || evs[0].ID != closing.ID {
		t.Errorf("the log holds %q", Texts(evs))
	}
	Refuse(t, s, line(Room, Ann), access.ErrHidden)
	if members := Must(s.Members(t.Context(), Room))(t); len(members) > 0 {
		t.Errorf("its members are %v", members)
	}
	Make(t, s, Room, chat.Change{})
	Add(t, s, line(Room, Bob))
}

func testRoomForgetsAsItsOwnerSays(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Make(t, s, Room, chat.Change{Retention: chat.Some(chat.MinRetention)})
	room := Must(s.Rooms(t.Context(), Room))(t)[0]
	if room.Retention != chat.MinRetention || room.Access != chat.AccessOpen {
		t.Errorf("the room says %+v", room)
	}
	Add(t, s, setting(Room, Ann, chat.Change{Slow: chat.Some(5)}))
	if room := Must(s.Rooms(t.Context(), Room))(t)[0]; room.Retention != chat.MinRetention || room.Slow != 5 || room.Title != "Family" {
		t.Errorf("after a change of something else it says %+v", room)
	}
}
