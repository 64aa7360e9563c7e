package web_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/outbox"
	"confab/shared/web"
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

// signalOf waits for a signal of a stream.
func signalOf(t *testing.T, signals <-chan chat.Signal) chat.Signal {
	t.Helper()
	select {
	case sig := <-signals:
		return sig
	case <-time.After(patient):
		t.Fatal("no signal came")
	}
	return chat.Signal{}
}

// That an inbox has grown, and what was read, all streams of its user are told, by
// every transport, and nobody else's.
func TestStreamsOfAUserAreToldOfTheirInbox(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	line := decode[chat.Event](t, l.expect(t, 201, ann, "POST /r/lobby", `{"text":"one"}`))
	if open := signalOf(t, l.stream(t.Context(), t, ann, chat.Open)); !open.Inbox.IsZero() {
		t.Errorf("an empty inbox is told as %s", open.Inbox)
	}
	grown := []<-chan chat.Signal{l.stream(t.Context(), t, ann, chat.Grown), l.streamOf(t.Context(), t, "other", ann, chat.Grown)}
	marked := l.stream(t.Context(), t, ann, chat.Read)
	others := []<-chan chat.Signal{
		l.stream(t.Context(), t, bob, chat.Grown), l.stream(t.Context(), t, chat.User{}, chat.Grown), l.stream(t.Context(), t, bob, chat.Read),
	}
	socket := l.dial(t, "/stream", ann)
	hear(t, socket, chat.Open)
	polled := make(chan string, 1)
	go func() {
		polled <- read(t, l.ask(t, ann, "GET /stream?room=quiet&after=0-0&wait=20", ""))
	}()
	l.expect(t, 201, bob, "POST /r/lobby", `{"text":"yes","reply":"`+line.ID.String()+`"}`)
	l.work(t)
	ids, err := l.store.Last(t.Context(), chat.Inbox(ann.ID))
	if err != nil || ids[0].IsZero() {
		t.Fatal(ids, err)
	}
	for i, signals := range grown {
		if sig := signalOf(t, signals); sig.ID != ids[0] {
			t.Errorf("stream %d is told of %s, want %s", i, sig.ID, ids[0])
		}
	}
	if f := hear(t, socket, chat.Grown); f.ID != ids[0] {
		t.Errorf("the socket is told of %s, want %s", f.ID, ids[0])
	}
	if open := signalOf(t, l.stream(t.Context(), t, ann, chat.Open)); open.Inbox != ids[0] {
		t.Errorf("a new stream is told of %s, want %s", open.Inbox, ids[0])
	}
	if open := signalOf(t, l.stream(t.Context(), t, bob, chat.Open)); !open.Inbox.IsZero() {
		t.Errorf("another user's stream is told of %s", open.Inbox)
	}
	if answer := <-polled; !strings.Contains(answer, ids[0].String()) {
		t.Errorf("a poll that waits answers %s", answer)
	}
	if answer := read(t, l.ask(t, ann, "GET /poll?after=0-0", "")); !strings.Contains(answer, `"inbox":"`+ids[0].String()+`"`) {
		t.Errorf("a poll answers %s", answer)
	}
	l.expect(t, 200, ann, "PUT /r/lobby/read", `{"id":"`+line.ID.String()+`"}`)
	if sig := signalOf(t, marked); sig.Room != "lobby" || sig.ID != line.ID {
		t.Errorf("what was read is told as %+v", sig)
	}
	l.expect(t, 201, bob, "POST /r/lobby", `{"text":"last"}`)
	for i, signals := range others {
		select {
		case sig := <-signals:
			t.Errorf("stream %d of others is told %+v", i, sig)
		default:
		}
	}
}

type allRooms = web.Rooms

// Unheard are rooms of which nothing is heard of inboxes, but that some may have
// been missed.
type unheard struct {
	allRooms
	f chan func(user string, sig chat.Signal)
}

func (u unheard) FollowInboxes(_ context.Context, f func(user string, sig chat.Signal)) { u.f <- f }

func TestMissedGrowthOfAnInboxIsAskedFor(t *testing.T) {
	t.Parallel()
	followed := make(chan func(user string, sig chat.Signal), 1)
	l := live(t, func(cfg *web.Config) { cfg.Rooms = unheard{cfg.Rooms, followed} })
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	grown, other := l.stream(t.Context(), t, ann, chat.Grown), l.stream(t.Context(), t, bob, chat.Grown)
	n := l.append(t, chat.NewNotice(ann.ID, chat.AboutMention, chat.Event{Room: "lobby", By: bob}, ""))
	f := <-followed
	for range 64 { // as when the subscription is back: once a channel
		f("", chat.Signal{Kind: chat.Reset})
	}
	if sig := signalOf(t, grown); sig.ID != n.ID {
		t.Errorf("the stream is told of %s, want %s", sig.ID, n.ID)
	}
	select {
	case sig := <-other:
		t.Errorf("who has an empty inbox is told %+v", sig)
	default:
	}
}
