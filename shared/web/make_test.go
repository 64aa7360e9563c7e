package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

// ask sends JSON as somebody and returns the answer.
func (l *liveServer) ask(tb testing.TB, as chat.User, route, body string) *http.Response {
	tb.Helper()
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(tb.Context(), method, l.URL+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if as.ID != "" {
		req.Header = l.head(tb, as)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	whole, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		tb.Fatal(err)
	}
	res.Body = io.NopCloser(strings.NewReader(string(whole)))
	return res
}

// expect fails unless the answer has this status.
func (l *liveServer) expect(tb testing.TB, code int, as chat.User, route, body string) *http.Response {
	tb.Helper()
	res := l.ask(tb, as, route, body)
	if res.StatusCode != code {
		tb.Errorf("%s of %q as %q: %s %s, want %d", route, body, as.Name, res.Status, read(tb, res), code)
	}
	return res
}

// A roomShown is a room as its people see it.
type roomShown struct {
	chat.Room
	Role string
	With []chat.User
}

// make makes a room that somebody owns.
func (l *liveServer) make(tb testing.TB, as chat.User, body string) roomShown {
	tb.Helper()
	return decode[roomShown](tb, l.expect(tb, 201, as, "POST /rooms", body))
}

func TestRoomIsMadeOnce(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	res := l.expect(t, 201, ann, "POST /rooms", `{"title":"Family","access":"private","slow":5,"posting":"members"}`)
	got := decode[roomShown](t, res)
	if !got.ID.Hidden() || got.Title != "Family" || got.Role != "owner" || got.Access != chat.AccessPrivate || got.Slow != 5 || got.Posting != chat.PostMembers {
		t.Errorf("the room is %+v", got)
	}
	if at := res.Header.Get("Location"); at != "/r/"+string(got.ID) {
		t.Errorf("it is at %s", at)
	}
	l.expect(t, 200, ann, "GET "+res.Header.Get("Location"), "")
	for title, want := range map[string]chat.RoomID{"Our Garden!": "our-garden", "Übung 1": "übung-1", "家族の部屋": "家族の部屋", strings.Repeat("a ", 39) + "b": chat.RoomID(strings.TrimRight(strings.Repeat("a-", 31)+"a", "-"))} {
		if got := l.make(t, ann, `{"title":"`+title+`"}`); got.ID != want || got.Access != chat.AccessOpen || got.Title != title {
			t.Errorf("of %q is made %+v", title, got)
		}
	}
	if got := l.make(t, bob, `{"room":"quiet","access":"unlisted"}`); got.ID != "quiet" || got.Access != chat.AccessUnlisted {
		t.Errorf("the room is %+v", got)
	}
	if body := read(t, l.expect(t, 409, bob, "POST /rooms", `{"title":"Our garden"}`)); !strings.Contains(body, "There is a room of that name") {
		t.Errorf("a second one is refused by %s", body)
	}
	l.expect(t, 201, bob, "POST /r/begun", `{"text":"hi"}`)
	l.expect(t, 409, bob, "POST /rooms", `{"title":"x","room":"begun"}`)
	if listed := read(t, l.ask(t, ann, "GET /rooms", "")); strings.Contains(listed, "quiet") || strings.Contains(listed, "Family") || !strings.Contains(listed, "our-garden") {
		t.Errorf("the list has %s", listed)
	}
}

func TestRoomThatCannotBe(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := identity.NewUser("Ann")
	l.expect(t, 401, chat.User{}, "POST /rooms", `{"title":"Family"}`)
	for body, why := range map[string]string{
		`{}`:                                                                  "Say a title",
		`{"title":"  ","access":"private"}`:                                   "Say a title",
		`{"title":"Family","access":"direct"}`:                                "Access is open",
		`{"title":"Family","access":"closed"}`:                                "Access is open",
		`{"title":"Family","access":"x"}`:                                     "Access is open",
		`{"title":"Family","posting":"x"}`:                                    "Posting is",
		`{"title":"Family","slow":-1}`:                                        "Slow is",
		`{"title":"Family","slow":21601}`:                                     "Slow is",
		`{"title":"Family","retention":59}`:                                   "Retention is",
		`{"title":"!!!"}`:                                                     "No address",
		`{"title":"a\nb","room":"x"}`:                                         "one line",
		`{"title":"x","room":"No Name"}`:                                      "A room's name",
		`{"title":"x","room":"` + string(chat.NewPrivateRoom()) + `"}`:        "Addresses of this form",
		`{"title":"x","access":"private","room":"x"}`:                         "The server makes the address",
		`{"title":"` + strings.Repeat("x", chat.MaxTitle+1) + `","room":"x"}`: "characters",
		`{"title":1}`:                                                         "wrong type",
	} {
		refused(t, l.ask(t, ann, "POST /rooms", body), 422, why)
	}
	l.expect(t, 400, ann, "POST /rooms", `{`)
}

func TestOnlyOwnersChangeTheirRoom(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	l.make(t, ann, `{"title":"Ops"}`)
	l.expect(t, 401, chat.User{}, "PATCH /r/ops", `{"locked":true}`)
	l.expect(t, 403, bob, "PATCH /r/ops", `{"title":"mine"}`)
	l.expect(t, 403, bob, "PATCH /r/ops", `{"slow":0}`)
	l.expect(t, 403, bob, "DELETE /r/ops", "")
	l.expect(t, 200, ann, "PUT /r/ops/members/"+bob.ID, `{"role":"moderator"}`)
	l.expect(t, 200, bob, "PATCH /r/ops", `{"title":"Operations","locked":true}`)
	l.expect(t, 403, cat, "POST /r/ops", `{"text":"hi"}`)
	l.expect(t, 201, bob, "POST /r/ops", `{"text":"hi"}`)
	l.expect(t, 403, bob, "PATCH /r/ops", `{"access":"unlisted"}`)
	ev := decode[chat.Event](t, l.expect(t, 200, ann, "PATCH /r/ops", `{"locked":false,"slow":30,"retention":86400,"access":"unlisted"}`))
	if ev.Kind != chat.Title || ev.Text != "" || ev.Set.Slow != chat.Some(30) || ev.Set.Locked != chat.Some(false) {
		t.Errorf("the event is %+v", ev)
	}
	l.expect(t, 201, cat, "POST /r/ops", `{"text":"hi"}`)
	res := l.expect(t, 429, cat, "POST /r/ops", `{"text":"again"}`)
	if after := res.Header.Get("Retry-After"); after != "30" && after != "29" {
		t.Errorf("a slow room says Retry-After: %s", after)
	}
	l.expect(t, 409, ann, "PATCH /r/ops", `{"access":"private"}`)
	for _, body := range []string{`{}`, `{"access":"closed"}`, `{"access":"direct"}`, `{"slow":-1}`, `{"retention":1}`, `{"posting":"all"}`, `{"title":"","slow":1}`, `{"locked":1}`, `{"locked":null}`} {
		l.expect(t, 422, ann, "PATCH /r/ops", body)
	}
	l.expect(t, 200, ann, "PATCH /r/ops", `{"title":""}`)
	if got := decode[struct{ Rooms []chat.Room }](t, l.ask(t, bob, "GET /rooms?room=ops", "")).Rooms[0]; got.Title != "" || got.Slow != 30 || got.Retention != 86400 {
		t.Errorf("the room is %+v", got)
	}
}

func TestClosedRoomIsGoneForEverybody(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	for _, body := range []string{`{"title":"Ops"}`, `{"title":"Family","access":"private"}`} {
		room := "/r/" + string(l.make(t, ann, body).ID)
		l.expect(t, 201, ann, "POST "+room, `{"text":"hi"}`)
		l.expect(t, 200, ann, "DELETE "+room, "")
		for _, route := range []string{"GET " + room, "HEAD " + room, "POST " + room, "PATCH " + room, "DELETE " + room, "GET " + room + "/people", "GET " + room + "/members", "GET " + room + "/bans", "POST " + room + "/typing", "GET /stream?room=" + room[3:], "GET /rooms?room=" + room[3:], "GET " + room + "?offset=-1", "GET " + room + "?q=hi"} {
			for _, as := range []chat.User{ann, bob} {
				l.expect(t, 404, as, route, `{"text":"a","title":"a"}`)
			}
		}
	}
	l.make(t, bob, `{"title":"Ops"}`)
	if body := read(t, l.expect(t, 200, bob, "GET /r/ops", "")); strings.Contains(body, `"hi"`) {
		t.Errorf("the new room has lines of the old one: %s", body)
	}
}

// Whoever got no answer asks again, and has one room.
func TestRoomThatIsMadeAgainUnderItsKeyIsTheFirst(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	under := func(as chat.User, key, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", l.URL+"/rooms", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = l.head(t, as)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	for _, body := range []string{`{"title":"Family","access":"private"}`, `{"title":"Ops"}`} {
		first, again := under(ann, "k1", body), under(ann, "k1", body)
		if first.StatusCode != 201 || again.StatusCode != 200 || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %s, then %s", body, first.Status, again.Status)
		}
		one, two := decode[roomShown](t, first), decode[roomShown](t, again)
		if one.ID != two.ID || two.Role != "owner" {
			t.Errorf("%s: %+v, then %+v", body, one, two)
		}
	}
	if res := under(ann, "k1", `{"title":"Friends","access":"private"}`); res.StatusCode != 409 {
		t.Errorf("the key for another room: %s", res.Status)
	}
	if res := under(ann, "k2", `{"title":"Ops"}`); res.StatusCode != 409 {
		t.Errorf("a second room under another key: %s", res.Status)
	}
	if res := under(bob, "k1", `{"title":"Ops"}`); res.StatusCode != 409 {
		t.Errorf("another's room under the same key: %s", res.Status)
	}
	if res := under(bob, "k1", `{"title":"Family","access":"private"}`); res.StatusCode != 201 {
		t.Errorf("another's key: %s", res.Status)
	}
}
