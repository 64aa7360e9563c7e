package redis_test

import (
	"fmt"
	"slices"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

// One user may begin as many rooms as they like: the others' stay on the list.
func TestRoomsOfOneUserPushNobodyOffTheList(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{URL: startRedis(t).url()})
	eve := chat.User{ID: "u_eve", Name: "Eve"}
	in := func(by chat.User, room string) {
		add(t, s, chat.Event{Room: chat.RoomID(room), Kind: chat.Message, By: by, Text: "hi"})
	}
	var others []chat.RoomID
	for i := range 30 {
		name := fmt.Sprint("ann", i)
		others = append(others, chat.RoomID(name))
		in(ann, name)
	}
	in(bob, "bobs")
	for i := range 3000 {
		in(eve, fmt.Sprint("flood", i))
	}
	in(eve, "bobs") // speaking in a room does not make it one's own
	rooms := must(s.Rooms(t.Context()))(t)
	var listed []chat.RoomID
	for _, r := range rooms {
		listed = append(listed, r.ID)
	}
	if len(listed) != store.MaxRooms || listed[0] != "bobs" {
		t.Errorf("%d rooms are listed, the first is %v", len(listed), listed[:1])
	}
	for _, room := range others {
		if !slices.Contains(listed, room) {
			t.Errorf("%s is not listed", room)
		}
	}
	if !slices.IsSortedFunc(rooms, func(a, b chat.Room) int { return b.Last.Compare(a.Last) }) {
		t.Error("the rooms are not in the order in which they were spoken in last")
	}
	kept := 0
	for n := range 64 {
		kept += int(must(s.Redis().ZCard(t.Context(), fmt.Sprintf("confab:0:{b%d}:rooms", n)).Result())(t))
	}
	if kept > 64*10+31 {
		t.Errorf("the index has %d rooms", kept)
	}
}
