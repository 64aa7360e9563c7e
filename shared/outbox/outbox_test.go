package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/outbox"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/storetest"
)

const room = storetest.Room

var (
	ann = storetest.Ann
	bob = storetest.Bob
	cat = storetest.Cat
)

func open(t *testing.T) store.Store {
	t.Helper()
	s := storetest.Must(bolt.Open(t.Context(), store.Options{Dir: t.TempDir()}))(t)
	t.Cleanup(func() { s.Close() })
	return s
}

// work does all that there is to do.
func work(t *testing.T, s store.Store) {
	t.Helper()
	outbox.New(s, slog.New(slog.NewTextHandler(t.Output(), nil))).Do(t.Context())
}

// heard is what a user's inbox tells.
func heard(t *testing.T, s store.Store, u chat.User) string {
	t.Helper()
	var all []string
	for _, ev := range storetest.Must(s.Before(t.Context(), chat.Inbox(u.ID), chat.ID{}, 100))(t) {
		what := string(ev.Notice)
		if ev.Text != "" {
			what += ":" + ev.Text
		}
		if m := ev.Member; m.Ban != "" || m.Role != "" {
			what += ":" + string(m.Ban) + m.Role
		}
		all = append(all, what)
	}
	return strings.Join(all, " ")
}

func TestNameCallsWhomTheRoomKnows(t *testing.T) {
	long := chat.User{ID: "u_long", Name: "Ann Lee"}
	for text, want := range map[string][]chat.User{
		"@Ann":                       {ann},
		"hi @ANN, and @ann":          {ann},
		"@Ann Lee, come":             {long},
		"@Ann Leeds":                 {ann},
		"(@ann lee)@Ann":             {long, ann},
		"@annie @Annа @ann\u0301":    nil,
		"mail@ann.example":           nil,
		"@nobody @ann_":              nil,
		"@ @@ann":                    {ann},
		"@Bob":                       nil, // said by themselves
		"\u200b@Ann\nand @Cat Stays": {ann, cat},
	} {
		s := open(t)
		for _, u := range []chat.User{ann, cat, long} {
			storetest.Say(t, s, u, "here")
		}
		storetest.Say(t, s, bob, text)
		work(t, s)
		var got []chat.User
		for _, u := range []chat.User{ann, bob, cat, long} {
			switch what := heard(t, s, u); what {
			case "":
			case "mention":
				got = append(got, u)
			default:
				t.Errorf("%q: %s hears %q", text, u.Name, what)
			}
		}
		slices.SortFunc(want, func(a, b chat.User) int { return strings.Compare(a.ID, b.ID) })
		slices.SortFunc(got, func(a, b chat.User) int { return strings.Compare(a.ID, b.ID) })
		if !slices.Equal(got, want) {
			t.Errorf("%q calls %v, want %v", text, got, want)
		}
	}
}

// A name is that of who is here now, then of a member, then of who spoke last.
func TestNameIsThatOfWhoHasItNow(t *testing.T) {
	s := open(t)
	storetest.Say(t, s, ann, "here")
	member, here := chat.User{ID: "u_member", Name: "ann"}, chat.User{ID: "u_here", Name: "ANN"}
	say := func() {
		storetest.Say(t, s, bob, "@Ann")
		work(t, s)
	}
	say()
	storetest.Add(t, s, chat.Event{Room: room, Kind: chat.Standings, By: cat, Member: chat.Standing{User: member, Role: "member"}, AsOperator: true})
	say()
	if err := s.Free(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	storetest.Must(s.Here(t.Context(), "server", room, here))(t)
	say()
	if a, m, h := heard(t, s, ann), heard(t, s, member), heard(t, s, here); a != "mention" || m != "role:member mention" || h != "mention" {
		t.Errorf("who spoke hears %q, the member %q, who is here %q", a, m, h)
	}
}

func TestLineCallsSoMany(t *testing.T) {
	s := open(t)
	text := ""
	for i := range chat.MaxMentions + 5 {
		u := chat.User{ID: fmt.Sprint("u_", i), Name: fmt.Sprint("name", i)}
		storetest.Say(t, s, u, "here")
		text += "@" + u.Name + " "
	}
	storetest.Say(t, s, bob, text)
	work(t, s)
	n := 0
	for i := range chat.MaxMentions + 5 {
		if heard(t, s, chat.User{ID: fmt.Sprint("u_", i)}) != "" {
			n++
		}
	}
	if n != chat.MaxMentions {
		t.Errorf("%d are called, want %d", n, chat.MaxMentions)
	}
}

func TestWhatPeopleAreInARoomTheyHear(t *testing.T) {
	s := open(t)
	storetest.Make(t, s, room, chat.Change{})
	hidden := chat.NewPrivateRoom()
	storetest.Make(t, s, hidden, chat.Change{Access: chat.AccessPrivate})
	set := func(room chat.RoomID, m chat.Standing, why string) {
		m.User = bob
		storetest.Add(t, s, chat.Event{Room: room, Kind: chat.Standings, By: ann, Member: m, Text: why})
	}
	set(hidden, chat.Standing{Role: "member"}, "")
	set(hidden, chat.Standing{Role: "moderator"}, "")
	set(hidden, chat.Standing{Role: "member"}, "")
	set(room, chat.Standing{Ban: chat.Mute}, "loud")
	set(room, chat.Standing{Ban: chat.Banned}, "rude")
	set(room, chat.Standing{Ban: chat.Unban}, "")
	direct := chat.DirectRoom(make([]byte, 32))
	storetest.Add(t, s, chat.Event{Room: direct, Kind: chat.Title, By: ann, Set: chat.Change{
		Made: true, Access: chat.AccessDirect, With: chat.NewUserList([]chat.User{ann, bob}),
	}})
	work(t, s)
	got := strings.Fields(heard(t, s, bob))
	want := []string{"invite:Family:member", "role:moderator", "role:member", "mute:loud:mute", "ban:rude:ban", "ban:none", "direct"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("they hear %q, want %q", got, want)
	}
	if own := heard(t, s, ann); own != "" {
		t.Errorf("who did it hears %q", own)
	}
}

// Who may not read a line does not hear of it: strangers to a private room, the
// banned, and nobody of a line that was deleted meanwhile.
func TestWhoMayNotReadDoesNotHear(t *testing.T) {
	s := open(t)
	hidden := chat.NewPrivateRoom()
	storetest.Make(t, s, hidden, chat.Change{Access: chat.AccessPrivate})
	for _, u := range []chat.User{bob, cat} {
		storetest.Add(t, s, chat.Event{Room: hidden, Kind: chat.Standings, By: ann, Member: chat.Standing{User: u, Role: "member"}})
		storetest.Add(t, s, chat.Event{Room: hidden, Kind: chat.Message, By: u, Text: "here"})
	}
	storetest.Add(t, s, chat.Event{Room: hidden, Kind: chat.Standings, By: ann, Member: chat.Standing{User: bob, Role: "guest"}})
	storetest.Add(t, s, chat.Event{Room: hidden, Kind: chat.Message, By: ann, Text: "@Bob has left us, @Cat"})

	storetest.Make(t, s, room, chat.Change{})
	storetest.Say(t, s, bob, "here")
	storetest.Add(t, s, chat.Event{Room: room, Kind: chat.Standings, By: ann, Member: chat.Standing{User: bob, Ban: chat.Banned}})
	storetest.Say(t, s, ann, "@Bob is banned")
	gone := storetest.Say(t, s, ann, "@Cat")
	storetest.Add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: gone.ID})
	work(t, s)
	if got := heard(t, s, bob); got != "invite:Family:member role:guest ban:ban" {
		t.Errorf("who was put out hears %q", got)
	}
	if got := heard(t, s, cat); got != "invite:Family:member mention" {
		t.Errorf("a member hears %q", got)
	}
	if left := storetest.Must(s.Tasks(t.Context(), 10))(t); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// Unshown is a store that does not show its events yet.
type unshown struct{ store.Store }

func (unshown) Before(context.Context, chat.RoomID, chat.ID, int) ([]chat.Event, error) {
	return nil, nil
}

func (unshown) Last(_ context.Context, rooms ...chat.RoomID) ([]chat.ID, error) {
	return make([]chat.ID, len(rooms)), nil
}

func TestWhatIsNotShownYetIsToldLater(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Must(bolt.Open(t.Context(), store.Options{Dir: dir}))(t)
	storetest.Say(t, s, ann, "here")
	storetest.Say(t, s, bob, "@Ann")
	work(t, unshown{s})
	if got := heard(t, s, ann); got != "" {
		t.Fatalf("they hear %q", got)
	}
	if err := s.Close(); err != nil { // it had the task
		t.Fatal(err)
	}
	s = storetest.Must(bolt.Open(t.Context(), store.Options{Dir: dir}))(t)
	defer s.Close()
	work(t, s)
	if got := heard(t, s, ann); got != "mention" {
		t.Errorf("later they hear %q", got)
	}
}
