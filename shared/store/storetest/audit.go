package storetest

import (
	"fmt"
	"slices"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

// Of all rooms, hidden ones and those that are no more too, in the order in which
// it was done.
func testAuditHasWhatWasDoneInAllRooms(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{History: 10})
	if got := Must(s.Audit(t.Context(), chat.Opt[chat.ID]{}, 9))(t); len(got) > 0 {
		t.Errorf("at first it has %+v", got)
	}
	private := chat.NewPrivateRoom()
	Make(t, s, Room, chat.Change{})
	Make(t, s, private, chat.Change{Access: chat.AccessPrivate})
	Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "moderator"}))
	own, cats := Add(t, s, line(Room, Bob)), Add(t, s, line(Room, Cat))
	remove := func(by chat.User, line chat.Event) chat.Event {
		return chat.Event{Room: line.Room, Kind: chat.Delete, By: by, Target: line.ID}
	}
	Add(t, s, remove(Bob, own)) // one's own line is nobody's business
	removed := Add(t, s, remove(Bob, cats))
	Refuse(t, s, standing(Room, Cat, chat.Standing{User: Bob, Ban: chat.Banned}), chat.ErrForbidden)
	banned := Add(t, s, standing(Room, Bob, chat.Standing{User: Cat, Ban: chat.Banned}))
	closed := Add(t, s, setting(private, Ann, chat.Change{Access: chat.AccessClosed}))
	for range 30 { // the room forgets, the audit does not
		Add(t, s, line(Room, Ann))
	}

	show := func(all []chat.Audited) (short []string) {
		for _, a := range all {
			short = append(short, fmt.Sprint(a.Event.Kind, " by ", a.Event.By.Name))
		}
		return short
	}
	all := Must(s.Audit(t.Context(), chat.Some(chat.ID{}), 100))(t)
	want := []string{"room by Ann", "room by Ann", "member by Ann", "delete by Bob", "member by Bob", "room by Ann"}
	if got := show(all); !slices.Equal(got, want) {
		t.Fatalf("it has %q, want %q", got, want)
	}
	for i, want := range []chat.Event{removed, banned, closed} {
		if got := all[3+i].Event; got != want {
			t.Errorf("it has %+v, want %+v", got, want)
		}
	}
	if got := Must(s.Audit(t.Context(), chat.Opt[chat.ID]{}, 2))(t); !slices.Equal(got, all[4:]) {
		t.Errorf("the last two are %q", show(got))
	}
	var paged []chat.Audited
	after := chat.ID{}
	for {
		page := Must(s.Audit(t.Context(), chat.Some(after), 2))(t)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		after = page[len(page)-1].At
	}
	if !slices.Equal(paged, all) {
		t.Errorf("by pages it has %q", show(paged))
	}
}
