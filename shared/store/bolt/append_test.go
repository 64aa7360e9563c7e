package bolt_test

import (
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

func TestRefusedPostsLeaveNothingInTheFile(t *testing.T) {
	s, _ := open(t, store.Options{PostsPerSecond: 0.001, PostBurst: 4})
	ev := message(ann, "hi")
	ev.Key = "k"
	first := add(t, s, ev)
	before := s.Commits()
	ev.Text = "ho"
	refuse(t, s, ev, chat.ErrReused)
	refuse(t, s, chat.Event{Room: room, Kind: chat.Delete, By: bob, Target: first.ID}, chat.ErrForbidden)
	refuse(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: chat.ID{MS: 1}, Text: "x"}, chat.ErrNotFound)
	refuse(t, s, chat.Event{Room: "new", Kind: chat.Edit, By: ann, Target: chat.ID{MS: 1}, Text: "x"}, chat.ErrNotFound)
	repeat(t, s, first, ev.Key)
	add(t, s, message(ann, "second"))
	add(t, s, message(ann, "third"))
	refuse(t, s, message(ann, "fourth"), chat.ErrTooMany)
	if n := s.Commits() - before; n != 2 {
		t.Errorf("%d commits for two posts that were not refused", n)
	}
	if got := texts(log(t, s, room)); got != "hi second third" {
		t.Errorf("the log holds %q", got)
	}
	if rooms := must(s.Rooms(t.Context()))(t); len(rooms) != 1 {
		t.Errorf("there are rooms %v", rooms)
	}
}
