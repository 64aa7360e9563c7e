package web_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/outbox"
)

// work does what the outbox holds.
func (l *liveServer) work(t *testing.T) {
	t.Helper()
	outbox.New(l.store, slog.New(slog.NewTextHandler(t.Output(), nil))).Do(t.Context())
}

// An inboxShown is a page of somebody's inbox.
type inboxShown struct {
	Room   chat.RoomID
	Events []chat.Event
	Cursor chat.ID
	More   bool
}

func inboxOf(u chat.User) string { return "/r/" + string(chat.Inbox(u.ID)) }

func TestWhatConcernsSomebodyIsInTheirInbox(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	empty := decode[inboxShown](t, l.expect(t, 200, bob, "GET "+inboxOf(bob), ""))
	if len(empty.Events) != 0 || empty.Room != chat.Inbox(bob.ID) {
		t.Errorf("at first it holds %+v", empty)
	}
	family := l.make(t, ann, `{"title":"Family","access":"private"}`).ID
	l.expect(t, 200, ann, "PUT /r/"+string(family)+"/members/"+bob.ID, `{"role":"member"}`)
	line := decode[chat.Event](t, l.expect(t, 201, bob, "POST /r/lobby", `{"text":"one"}`))
	reply := decode[chat.Event](t, l.expect(t, 201, ann, "POST /r/lobby", `{"text":"yes, @bob","reply":"`+line.ID.String()+`"}`))
	said := decode[chat.Event](t, l.expect(t, 201, ann, "POST /r/lobby", `{"text":"@Bob?"}`))
	l.work(t)
	l.work(t)

	page := decode[inboxShown](t, l.expect(t, 200, bob, "GET "+inboxOf(bob), ""))
	if len(page.Events) != 3 {
		t.Fatalf("the inbox holds %+v", page.Events)
	}
	var got []string
	for _, ev := range page.Events {
		if ev.Kind != chat.Notice || ev.By != ann {
			t.Errorf("a notice is %+v", ev)
		}
		got = append(got, string(ev.Notice)+" "+string(ev.Of.Room)+" "+ev.Text)
		switch ev.Notice {
		case chat.AboutReply:
			if ev.Of.ID != reply.ID {
				t.Errorf("the reply is %s, want %s", ev.Of.ID, reply.ID)
			}
		case chat.AboutMention:
			if ev.Of.ID != said.ID {
				t.Errorf("the mention is %s, want %s", ev.Of.ID, said.ID)
			}
		}
	}
	if what := strings.Join(got, ", "); what != "invite "+string(family)+" Family, reply lobby , mention lobby " {
		t.Errorf("the inbox tells of %q", what)
	}
	after := decode[inboxShown](t, l.expect(t, 200, bob, "GET "+inboxOf(bob)+"?after="+page.Events[0].ID.String()+"&limit=1", ""))
	if len(after.Events) != 1 || after.Events[0] != page.Events[1] || !after.More {
		t.Errorf("after the first: %+v", after)
	}
	if own := decode[inboxShown](t, l.expect(t, 200, ann, "GET "+inboxOf(ann), "")); len(own.Events) > 0 {
		t.Errorf("who wrote it hears %+v", own.Events)
	}
}

// A stranger, a guest and an operator cannot tell an inbox from none, on any route.
func TestInboxCannotBeToldFromNone(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	l.append(t, chat.NewNotice(ann.ID, chat.AboutMention, chat.Event{Room: "lobby", By: bob}, "hush"))
	there, none := string(chat.Inbox(ann.ID)), string(chat.Inbox(identity.NewUser("Cat").ID))
	for _, route := range hiddenRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		for _, accept := range []string{"application/json", "text/event-stream", "text/html"} {
			for _, as := range []chat.User{bob, {}} {
				got := l.tries(t, method, strings.ReplaceAll(path, "{room}", there), accept, as)
				want := l.tries(t, method, strings.ReplaceAll(path, "{room}", none), accept, as)
				if got != want || strings.HasPrefix(got, "2") || strings.Contains(got, "hush") {
					t.Errorf("%s as %q by %q:\n%s\nwhere nothing is:\n%s", route, as.Name, accept, got, want)
				}
			}
		}
	}
}

// Nobody writes in an inbox, not even its user, and nobody follows it by itself.
func TestInboxIsOnlyRead(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := identity.NewUser("Ann")
	for _, route := range hiddenRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		if strings.HasPrefix(path, "/r/{room}/read") || method == "OPTIONS" || !strings.HasPrefix(path, "/r/") {
			continue
		}
		got := l.tries(t, method, strings.ReplaceAll(path, "{room}", string(chat.Inbox(ann.ID))), "application/json", ann)
		if reads := method == "GET" && strings.HasPrefix(path, "/r/{room}") && !strings.Contains(path, "{room}/"); strings.HasPrefix(got, "2") != reads {
			t.Errorf("%s: %s", route, got)
		}
	}
	for _, accept := range []string{"text/event-stream", "text/html"} {
		if got := l.tries(t, "GET", inboxOf(ann), accept, ann); !strings.HasPrefix(got, "406") {
			t.Errorf("as %s: %s", accept, got)
		}
	}
	if evs, err := l.store.Before(t.Context(), chat.Inbox(ann.ID), chat.ID{}, 9); err != nil || len(evs) > 0 {
		t.Errorf("it holds %v, %v", evs, err)
	}
}

func TestReadMarksAreSharedAndNeverGoBack(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	mark := func(id string) string {
		body, err := io.ReadAll(l.expect(t, 200, ann, "PUT /r/lobby/read", `{"id":"`+id+`"}`).Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(body))
	}
	for _, step := range [][2]string{{"5-1", "5-1"}, {"5-0", "5-1"}, {"7-0", "7-0"}} {
		if got := mark(step[0]); got != `{"room":"lobby","id":"`+step[1]+`"}` {
			t.Errorf("after %s: %s", step[0], got)
		}
	}
	inbox := string(chat.Inbox(ann.ID))
	l.expect(t, 200, ann, "PUT /r/"+inbox+"/read", `{"id":"3-0"}`)
	for path, want := range map[string]string{
		"/r/lobby/read":         `{"room":"lobby","id":"7-0"}`,
		"/r/other/read":         `{"room":"other","id":"0-0"}`,
		"/r/" + inbox + "/read": `{"read":{"` + inbox + `":"3-0","lobby":"7-0"}}`,
	} {
		res := l.expect(t, 200, ann, "GET "+path, "")
		if got := strings.TrimSpace(read(t, res)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	l.expect(t, 404, bob, "GET /r/"+inbox+"/read", "")
	l.expect(t, 404, bob, "PUT /r/"+inbox+"/read", `{"id":"9-0"}`)
	l.expect(t, 200, bob, "GET /r/lobby/read", "")
	l.expect(t, 401, chat.User{}, "GET /r/lobby/read", "")
	l.expect(t, 401, chat.User{}, "PUT /r/lobby/read", `{"id":"9-0"}`)
	l.expect(t, 422, ann, "PUT /r/lobby/read", `{}`)
	l.expect(t, 422, ann, "PUT /r/lobby/read", `{"id":"x"}`)
	family := string(l.make(t, bob, `{"title":"Family","access":"private"}`).ID)
	l.expect(t, 404, ann, "PUT /r/"+family+"/read", `{"id":"9-0"}`)
	l.expect(t, 200, bob, "PUT /r/"+family+"/read", `{"id":"9-0"}`)
}
