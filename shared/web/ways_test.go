package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// believes takes a token for what it says: "<subject> <name>".
func believes(_ context.Context, token string) (identity.Proof, error) {
	subject, name, ok := strings.Cut(token, " ")
	if !ok {
		return identity.Proof{}, fmt.Errorf("%w: bad token", chat.ErrUnauthorized)
	}
	return identity.Proof{Issuer: "site", Subject: subject, Name: name}, nil
}

func (h *house) assert(t *testing.T, token string) chat.User {
	t.Helper()
	in := decode[who](t, h.do(t, ask{"POST", "/login", asJSON, string(chat.JSON(map[string]string{"assertion": token})), nobody}))
	if in.User == nil {
		t.Fatalf("%s signs nobody in", token)
	}
	return *in.User
}

func TestSitesUserIsTheSameEachTimeAndOwnsTheName(t *testing.T) {
	h := openWays(t, web.Ways{Site: believes}, func(c *web.Config) { c.SignIn = []string{web.ByName, web.BySite} })
	seven := h.assert(t, "7 Ann")
	if again := h.assert(t, "7 Ann"); again != seven || seven.Name != "Ann" {
		t.Errorf("%v, then %v", seven, again)
	}
	if eight := h.assert(t, "8 ANN"); eight.ID == seven.ID || eight.Name != "ANN 2" {
		t.Errorf("another of that name is %v", eight)
	}
	refused(t, h.do(t, ask{"POST", "/login", asForm, "user=ann", nobody}), 409, "Somebody has that name")
	for token, want := range map[string]string{"9 admin": "user ", "10 ": "user ", "11 a\u202eb": "user ", "12 " + strings.Repeat("x", 50): strings.Repeat("x", chat.MaxName)} {
		if u := h.assert(t, token); !strings.HasPrefix(u.Name, want) {
			t.Errorf("%q is called %q", token, u.Name)
		}
	}
	res := h.do(t, ask{"POST", "/login", asJSON, `{"assertion":"bad"}`, ann})
	if len(res.Cookies()) > 0 {
		t.Error("a bad token signs somebody in")
	}
	refused(t, res, 401, "Bad token")
	refused(t, open(t, nil).do(t, ask{"POST", "/login", asJSON, `{"assertion":"7 Ann"}`, nobody}), 403, "no tokens of another site")
}

func TestNameThatIsOnlySaidIsRefusedWhereItHasToBeProven(t *testing.T) {
	h := openWays(t, web.Ways{Site: believes}, func(c *web.Config) { c.SignIn = []string{web.BySite} })
	for _, as := range []chat.User{nobody, ann} {
		refused(t, h.do(t, ask{"POST", "/login", asForm, "user=ann", as}), 403, "On this server a name has to be proven")
	}
	me := decode[struct{ Ways []string }](t, h.do(t, ask{"GET", "/login", "", "", nobody}))
	if len(me.Ways) != 1 || me.Ways[0] != "site" {
		t.Errorf("the page is told of %v", me.Ways)
	}
	me = decode[struct{ Ways []string }](t, open(t, nil).do(t, ask{"GET", "/login", "", "", nobody}))
	if len(me.Ways) != 1 || me.Ways[0] != "name" {
		t.Errorf("by default the page is told of %v", me.Ways)
	}
}

func TestWhoOwnsANameMayTakeAnother(t *testing.T) {
	h := open(t, nil)
	if err := errors.Join(h.tape.Own(t.Context(), ann)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.tape.SetAccount(t.Context(), ann.ID, nil, identity.Account{Name: "ann"}.Encode()); err != nil {
		t.Fatal(err)
	}
	rename := func(name string) *http.Response {
		return h.do(t, ask{"POST", "/login", asForm, "user=" + name, ann})
	}
	if res := rename("anna"); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if got := h.tape.owners.names; len(got) != 1 || got["anna"] != ann.ID {
		t.Errorf("names are owned so: %v", got)
	}
	if err := h.tape.Own(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	refused(t, rename("bob"), 409, "Somebody has that name")
}

// from is a request that comes from an address with a header.
func (h *house) from(t *testing.T, address string, a ask, header ...string) *http.Response {
	t.Helper()
	r := h.request(t, a)
	r.RemoteAddr = address
	r.Header["X-Forwarded-User"] = header
	return h.answer(r)
}

func TestTrustedProxySaysWhoSomebodyIs(t *testing.T) {
	h := open(t, func(c *web.Config) { c.UserHeader, c.ProxySecret = "X-Forwarded-User", "a-secret-of-a-cdn" })
	const proxy, stranger = "10.0.0.1:5", "192.0.2.1:5"
	whoami := ask{"GET", "/login", "", "", nobody}
	res := h.from(t, proxy, whoami, "ann@example.org")
	in := decode[who](t, res)
	if in.User == nil || in.User.Name != "ann" || len(res.Cookies()) != 1 {
		t.Fatalf("the proxy's user is %v with %d cookies", in.User, len(res.Cookies()))
	}
	again := ask{"GET", "/login", "Cookie: session=" + res.Cookies()[0].Value, "", nobody}
	if res := h.from(t, proxy, again, "ann@example.org"); len(res.Cookies()) != 0 {
		t.Error("a user who is signed in is signed in again")
	}
	refused(t, h.from(t, stranger, ask{"POST", "/login", asForm, "user=ann", nobody}), 409, "Somebody has that name")

	for _, spoof := range []struct {
		from string
		head string
		user []string
	}{{stranger, "", []string{"ann@example.org"}}, {stranger, "X-Proxy-Secret: a-secret-of-a-cdn", []string{"ann@example.org"}}, {proxy, "", nil}, {proxy, "", []string{""}}} {
		res := h.from(t, spoof.from, ask{"GET", "/login", spoof.head, "", nobody}, spoof.user...)
		if in := decode[who](t, res); in.User != nil || len(res.Cookies()) > 0 {
			t.Errorf("%v makes %v of a request", spoof, in.User)
		}
	}
	refused(t, h.from(t, proxy, whoami, "mallory", "ann@example.org"), 401, "The proxy in front names two users")

	post := ask{"POST", "/r/lobby", asText + "\n" + again.head, "hi", nobody}
	if res := h.from(t, proxy, post, "ann@example.org"); res.StatusCode != http.StatusCreated {
		t.Errorf("the proxy's user posts: %s", res.Status)
	}
	refused(t, h.from(t, proxy, post, "bob@example.org"), 401, "The proxy in front says that you are somebody else now")
	if in := decode[who](t, h.from(t, proxy, again, "bob@example.org")); in.User == nil || in.User.Name != "bob" {
		t.Errorf("after the proxy's user changed it is %v", in.User)
	}
	// Without the header's help the name is the proxy's, not the one that is said.
	res = h.from(t, proxy, ask{"POST", "/login", asForm, "user=mallory", nobody}, "ann@example.org")
	if me := decode[who](t, h.from(t, stranger, ask{"GET", "/login", "Cookie: session=" + res.Cookies()[0].Value, "", nobody})); me.User == nil || me.User.Name != "ann" {
		t.Errorf("who says a name behind the proxy is %v", me.User)
	}
}

func TestUserHeaderIsNothingWithoutTheSetting(t *testing.T) {
	h := open(t, nil)
	r := httptest.NewRequest("GET", "/login", nil)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("X-Forwarded-User", "ann")
	if in := decode[who](t, h.answer(r)); in.User != nil {
		t.Errorf("it signs %v in", in.User)
	}
}

func TestProofLetsIntoTheRoomsThatItNames(t *testing.T) {
	const room = chat.RoomID("p_aaaaaaaaaaaaaaaaaaaa")
	proof := identity.Proof{Issuer: "site", Subject: "7", Name: "Cid", Rooms: []chat.RoomID{room, "nowhere"}, Role: chat.Member}
	l := liveWays(t, web.Ways{Site: func(context.Context, string) (identity.Proof, error) { return proof, nil }},
		func(c *web.Config) { c.SignIn = []string{web.BySite} })
	made, err := chat.Compose(chat.Draft{Room: room, Kind: chat.Title, Text: "ops", Set: chat.Change{Made: true, Access: chat.AccessPrivate}}, ann)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.store.Append(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	roleAfter := func() chat.Role {
		t.Helper()
		res, err := http.Post(l.URL+"/login", "application/json", strings.NewReader(`{"assertion":"x"}`))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		res.Body.Close()
		facts, err := l.store.Facts(t.Context(), proof.UserID(), room, "nowhere")
		if err != nil || facts[1].Room.Exists {
			t.Fatalf("%v, a room was made: %t", err, facts[1].Room.Exists)
		}
		return facts[0].Role
	}
	for _, step := range []struct{ says, has chat.Role }{{chat.Member, chat.Member}, {chat.Moderator, chat.Moderator}, {chat.Member, chat.Moderator}} {
		proof.Role = step.says
		for range 2 { // the second time changes nothing
			if got := roleAfter(); got != step.has {
				t.Errorf("%v said, %v there", step.says, got)
			}
		}
	}
	evs, err := l.store.Since(t.Context(), room, chat.ID{}, 100)
	if err != nil || len(evs) != 3 {
		t.Errorf("the log has %d events, %v", len(evs), err)
	}
	ban := chat.Event{Room: room, Kind: chat.Standings, By: ann, Member: chat.Standing{User: chat.User{ID: proof.UserID(), Name: "Cid"}, Ban: chat.Banned}}
	if _, _, err := l.store.Append(t.Context(), ban); err != nil {
		t.Fatal(err)
	}
	proof.Role = chat.Owner
	if got := roleAfter(); got == chat.Owner {
		t.Error("who is banned is made an owner")
	}
}
