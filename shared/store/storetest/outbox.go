package storetest

import (
	"slices"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"
)

// tasks are what the outbox hands out, without receipts.
func tasks(t *testing.T, s store.Store, near ...chat.RoomID) (all []chat.Task, sources []chat.Source) {
	t.Helper()
	all = Must(s.Tasks(t.Context(), 100, near...))(t)
	for _, task := range all {
		sources = append(sources, task.Source)
	}
	return all, sources
}

func source(ev chat.Event) chat.Source { return chat.Source{Room: ev.Room, ID: ev.ID} }

func testEventThatConcernsSomebodyIsATask(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	Make(t, s, Room, chat.Change{})
	first := Say(t, s, Bob, "to nobody")
	named := chat.Event{Room: Room, Kind: chat.Message, By: Bob, Text: "hi @Ann", Key: "k"}
	one := Add(t, s, named)
	if _, replayed, err := s.Append(t.Context(), named); !replayed || err != nil {
		t.Errorf("a repeat: replayed %t, %v", replayed, err)
	}
	two := Add(t, s, chat.Event{Room: Room, Kind: chat.Message, By: Bob, Text: "yes", Reply: first.ID})
	three := Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Role: "member"}))
	four := Add(t, s, standing(Room, Ann, chat.Standing{User: Bob, Ban: chat.Banned}))
	Refuse(t, s, chat.Event{Room: Room, Kind: chat.Message, By: Bob, Text: "@Ann"}, access.ErrBanned)
	direct := chat.DirectRoom(make([]byte, 32))
	five := Add(t, s, chat.Event{Room: direct, Kind: chat.Title, By: Ann, Set: chat.Change{
		Made: true, Access: chat.AccessDirect, With: chat.NewUserList([]chat.User{Ann, Bob}),
	}})
	got, sources := tasks(t, s)
	want := []chat.Source{source(one), source(two), source(three), source(four), source(five)}
	for _, w := range want {
		if !slices.Contains(sources, w) {
			t.Errorf("%v is no task", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tasks are %v", got)
	}
	for _, task := range got {
		if was := chat.Member; task.Source == source(four) && task.Was != was {
			t.Errorf("who was banned was a %s, want %s", task.Was, was)
		}
	}
}

// A task is one asker's for a while, whoever asks, and then another's: whoever had
// it may be dead.
func testTaskIsHandedOutAgain(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	other := s
	if e.Shared {
		other = e.Open(t, store.Options{})
	}
	ev := Say(t, s, Bob, "@Ann")
	got, sources := tasks(t, s, Room)
	if !slices.Equal(sources, []chat.Source{source(ev)}) {
		t.Fatalf("tasks are %v", got)
	}
	for _, asked := range []store.Store{s, other} {
		if again, _ := tasks(t, asked); len(again) > 0 {
			t.Errorf("it is handed out twice: %v", again)
		}
	}
	e.AgeTasks(t, s, store.TaskLife+time.Second)
	if got, sources = tasks(t, other); !slices.Equal(sources, []chat.Source{source(ev)}) {
		t.Fatalf("after a while tasks are %v", got)
	}
	if err := other.Finish(t.Context(), got...); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), got...); err != nil { // whoever was late
		t.Error(err)
	}
	e.AgeTasks(t, s, store.TaskLife+time.Second)
	if again, _ := tasks(t, s); len(again) > 0 {
		t.Errorf("what is finished is handed out: %v", again)
	}
}

func testNoticeIsWrittenOnce(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{PostsPerSecond: 1, PostBurst: 2, PostsPerDay: 1, RoomsPerDay: 1})
	ev := Say(t, s, Bob, "@Ann")
	notice := chat.NewNotice(Ann.ID, chat.AboutMention, ev, "")
	first := Add(t, s, notice)
	again := notice
	again.By.Name = "Robert" // meanwhile
	e.Age(t, s, 24*time.Hour)
	got, replayed, err := s.Append(t.Context(), again)
	if err != nil || !replayed || got.ID != first.ID {
		t.Errorf("a repeat: %s, replayed %t, %v; want %s", got.ID, replayed, err, first.ID)
	}
	for range 4 { // what the server writes is not counted
		ev.ID = ev.ID.Next()
		Add(t, s, chat.NewNotice(Ann.ID, chat.AboutMention, ev, ""))
	}
	Add(t, s, chat.NewNotice(Ann.ID, chat.AboutReply, ev, ""))
	log := Must(s.Before(t.Context(), chat.Inbox(Ann.ID), chat.ID{}, 10))(t)
	if len(log) != 6 || log[0].Of != notice.Of || log[0].Notice != chat.AboutMention {
		t.Errorf("the inbox holds %+v", log)
	}
	Chained(t, chat.ID{}, log)
	if all, _ := tasks(t, s); len(all) != 1 {
		t.Errorf("a notice is a task: %v", all)
	}
}

func testInboxIsItsUsers(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	inbox := chat.Inbox(Ann.ID)
	Add(t, s, chat.NewNotice(Ann.ID, chat.AboutMention, Say(t, s, Bob, "@Ann"), ""))
	Refuse(t, s, line(inbox, Ann), access.ErrRole)
	Refuse(t, s, line(inbox, Bob), access.ErrHidden)
	Refuse(t, s, setting(inbox, Ann, chat.Change{Made: true}), access.ErrRole)
	Refuse(t, s, setting(inbox, Bob, chat.Change{Made: true}), access.ErrHidden)
	Refuse(t, s, standing(inbox, Bob, chat.Standing{User: Bob, Role: "member", Invite: "i"}), access.ErrHidden)
	asOperator := line(inbox, Bob)
	asOperator.AsOperator = true
	Refuse(t, s, asOperator, access.ErrHidden)
	elsewhere := chat.NewNotice(Ann.ID, chat.AboutMention, chat.Event{Room: Room, By: Bob}, "")
	elsewhere.Room = Room
	Refuse(t, s, elsewhere, access.ErrHidden)
	for _, u := range []chat.User{Ann, Bob} {
		facts := Must(s.Facts(t.Context(), u.ID, inbox, Room))(t)
		if may := access.May(u, access.Read, facts[0]) == nil; may != (u == Ann) || !facts[1].Room.Exists {
			t.Errorf("%s reads the inbox of Ann: %t; %+v", u.Name, may, facts)
		}
	}
	for _, room := range Must(s.Rooms(t.Context()))(t) {
		if room.ID == inbox {
			t.Error("an inbox is listed")
		}
	}
	Say(t, s, chat.User{ID: "u_dan", Name: Cat.Name}, "@Ann")
	Add(t, s, chat.NewNotice(Bob.ID, chat.AboutMention, chat.Event{Room: Room, By: Cat}, "")) // by a name that another has
}

func testInboxKeepsSoMuch(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	ev := chat.Event{Room: Room, By: Bob, ID: chat.ID{MS: 1}}
	n := chat.MaxInbox + e.Slack + chat.MaxInbox/5
	for range n {
		ev.ID = ev.ID.Next()
		Add(t, s, chat.NewNotice(Ann.ID, chat.AboutMention, ev, ""))
	}
	log := Must(s.Before(t.Context(), chat.Inbox(Ann.ID), chat.ID{}, 2*n))(t)
	if len(log) < chat.MaxInbox || len(log) > chat.MaxInbox+chat.MaxInbox/10+e.Slack {
		t.Errorf("an inbox has %d notices", len(log))
	}
	kept := chat.Event{Room: Room, By: Bob, ID: log[0].Of.ID}
	if _, replayed, err := s.Append(t.Context(), chat.NewNotice(Ann.ID, chat.AboutMention, kept, "")); err != nil || !replayed {
		t.Errorf("the oldest that it keeps is written again: %t, %v", replayed, err)
	}
}
