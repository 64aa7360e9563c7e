package redis_test

import (
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/storetest"
)

// Whoever reads is asked for by the facts, so they are cheap where there is
// nothing to know. Of a room at an address that the server made, the commands
// are the same whether it is there or not.
func TestFactsOfRoomWithoutRulesAreOneCommand(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{URL: startRedis(t).url()})
	say(t, s, ann, "hi")
	hidden, none := chat.NewPrivateRoom(), chat.NewPrivateRoom()
	storetest.Make(t, s, "ruled", chat.Change{})
	storetest.Make(t, s, hidden, chat.Change{Access: chat.AccessPrivate})
	for _, tt := range []struct {
		rooms []chat.RoomID
		want  uint64
	}{
		{[]chat.RoomID{room}, 1},
		{[]chat.RoomID{room, "empty", "another"}, 3},
		{[]chat.RoomID{"ruled"}, 6},
		{[]chat.RoomID{hidden}, 6},
		{[]chat.RoomID{none}, 6},
	} {
		before := s.Stats().Commands
		must(s.Facts(t.Context(), bob.ID, tt.rooms...))(t)
		if got := s.Stats().Commands - before; got != tt.want {
			t.Errorf("facts of %v are %d commands, want %d", tt.rooms, got, tt.want)
		}
	}
}
