package web_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// An inviteShown is an invite as its maker sees it.
type inviteShown struct {
	chat.Invite
	URL, QR string
}

// token is the last part of its link.
func (in inviteShown) token() string { return in.URL[strings.LastIndex(in.URL, "/")+1:] }

// invite makes an invite into a room.
func (l *liveServer) invite(tb testing.TB, as chat.User, room chat.RoomID, body string) inviteShown {
	tb.Helper()
	return decode[inviteShown](tb, l.expect(tb, 201, as, "POST /r/"+string(room)+"/invites", body))
}

func TestInviteLetsSoManyIn(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat, dan := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat"), identity.NewUser("Dan")
	room := l.make(t, ann, `{"title":"Family","access":"private"}`).ID
	in := l.invite(t, ann, room, `{"uses":2}`)
	if left := time.Until(time.UnixMilli(in.Until)); in.Role != "member" || in.Uses != 2 || left < 6*24*time.Hour || !strings.HasPrefix(in.QR, "<svg") || !strings.HasPrefix(in.URL, l.URL+"/join/") {
		t.Errorf("the invite is %+v", in)
	}
	join := "/join/" + in.token()
	l.expect(t, 401, chat.User{}, "POST "+join, "")
	for _, as := range []chat.User{bob, {}} { // whoever holds it learns where it leads, and is not in it yet
		got := decode[struct {
			Room        chat.RoomID
			Title, Role string
		}](t, l.expect(t, 200, as, "GET "+join, ""))
		if got.Room != room || got.Title != "Family" || got.Role != "member" {
			t.Errorf("it leads to %+v", got)
		}
	}
	l.expect(t, 404, bob, "GET /r/"+string(room), "")
	got := decode[roomShown](t, l.expect(t, 200, bob, "POST "+join, ""))
	if got.ID != room || got.Role != "member" || got.Title != "Family" {
		t.Errorf("he comes to %+v", got)
	}
	l.expect(t, 200, bob, "POST "+join, "") // the answer was lost
	l.expect(t, 201, bob, "POST /r/"+string(room), `{"text":"hi"}`)
	l.expect(t, 200, cat, "POST "+join, "")
	l.expect(t, 410, dan, "POST "+join, "")
	members := decode[membersShown](t, l.expect(t, 200, bob, "GET /r/"+string(room)+"/members", "")).Members
	if len(members) != 3 || members[1].User.Name+members[2].User.Name != "BobCat" && members[1].User.Name+members[2].User.Name != "CatBob" {
		t.Errorf("the members are %+v", members)
	}
}

// Whatever is wrong with an invite, its answer is the same.
func TestBadInvitesAreOne(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat, eve := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat"), identity.NewUser("Eve")
	room, gone := l.make(t, ann, `{"title":"Family","access":"private"}`).ID, l.make(t, ann, `{"title":"Gone","access":"private"}`).ID
	spent, revoked, closed, banned := l.invite(t, ann, room, `{}`), l.invite(t, ann, room, `{}`), l.invite(t, ann, gone, `{}`), l.invite(t, ann, room, `{}`)
	l.expect(t, 200, bob, "POST /join/"+spent.token(), "")
	l.expect(t, 200, ann, "DELETE /r/"+string(room)+"/invites/"+revoked.ID, "")
	l.expect(t, 200, ann, "DELETE /r/"+string(gone), "")
	expired := chat.Invite{ID: "old", Role: "member", Uses: 1, Until: 1}
	if _, _, err := l.store.Append(t.Context(), chat.Event{Room: room, Kind: chat.Title, By: ann, Set: chat.Change{Invite: expired}}); err != nil {
		t.Fatal(err)
	}
	l.expect(t, 200, ann, "PUT /r/"+string(room)+"/bans/"+eve.ID, `{}`)
	seal := func(by *identity.Signer, purpose string, life time.Duration, room chat.RoomID, id string) string {
		token, err := by.Seal(purpose, life, map[string]any{"room": room, "id": id})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	strange, err := identity.New(time.Hour, bytes.Repeat([]byte("x"), identity.MinKey))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for what, token := range map[string]string{
		"spent": spent.token(), "revoked": revoked.token(), "of a room that is gone": closed.token(),
		"expired": seal(l.users, "invite", time.Hour, room, "old"), "of long ago": seal(l.users, "invite", -time.Hour, room, banned.ID),
		"forged": seal(strange, "invite", time.Hour, room, banned.ID), "of another form": "x", "a session": strings.TrimPrefix(l.head(t, cat).Get("Authorization"), "Bearer "),
		"of a room that never was": seal(l.users, "invite", time.Hour, chat.NewPrivateRoom(), "x"), "for something else": seal(l.users, "other", time.Hour, room, banned.ID),
	} {
		for _, method := range []string{"GET", "POST"} {
			res := l.expect(t, 410, cat, method+" /join/"+token, "")
			seen[read(t, res)+res.Header.Get("Content-Type")] = what
		}
	}
	res := l.expect(t, 410, eve, "POST /join/"+banned.token(), "")
	seen[read(t, res)+res.Header.Get("Content-Type")] = "of somebody banned"
	l.expect(t, 410, eve, "GET /join/"+banned.token(), "")
	if len(seen) != 1 {
		t.Errorf("the answers are %q", seen)
	}
	l.expect(t, 200, cat, "POST /join/"+banned.token(), "")
}

func TestOnlyModeratorsInvite(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	room := l.make(t, ann, `{"title":"Family","access":"private"}`).ID
	path := "/r/" + string(room)
	l.expect(t, 200, ann, "PUT "+path+"/members/"+bob.ID, `{"role":"member"}`)
	in := l.invite(t, ann, room, `{"role":"moderator","uses":5,"seconds":60}`)
	l.expect(t, 403, bob, "POST "+path+"/invites", `{}`)
	l.expect(t, 403, bob, "GET "+path+"/invites", "")
	l.expect(t, 403, bob, "DELETE "+path+"/invites/"+in.ID, "")
	l.expect(t, 200, bob, "POST /join/"+in.token(), "") // what raises them
	list := decode[struct{ Invites []chat.Invite }](t, l.expect(t, 200, bob, "GET "+path+"/invites", "")).Invites
	if len(list) != 1 || list[0].ID != in.ID || list[0].Uses != 4 || list[0].Role != "moderator" {
		t.Errorf("the invites are %+v", list)
	}
	l.expect(t, 403, bob, "POST "+path+"/invites", `{"role":"moderator"}`)
	l.expect(t, 201, bob, "POST "+path+"/invites", `{"role":"member"}`)
	l.expect(t, 404, ann, "DELETE "+path+"/invites/none", "")
	l.expect(t, 404, cat, "POST "+path+"/invites", `{}`)
	for _, body := range []string{`{"role":"guest"}`, `{"role":"operator"}`, `{"uses":-1}`, `{"uses":10001}`, `{"seconds":-1}`, `{"seconds":2592001}`, `{"uses":"x"}`} {
		l.expect(t, 422, ann, "POST "+path+"/invites", body)
	}
	l.expect(t, 403, ann, "POST /r/lobby/invites", `{}`)
}

// A browser gets the page, whatever the invite: it asks for a name first. The log
// has no link that lets somebody in.
func TestInviteOpensThePageAndIsNotLogged(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	res := h.do(t, ask{"GET", "/join/secret", "Accept: text/html", "", nobody})
	if body := read(t, res); res.StatusCode != http.StatusOK || !strings.Contains(body, "<title>Confab</title>") {
		t.Errorf("a browser gets %s %s", res.Status, body)
	}
	refused(t, h.do(t, ask{"POST", "/join/secret", "", "", ann}), 410, "This invite is not good")
	if log := h.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, "path=/join/ ") {
		t.Errorf("the log is %s", log)
	}
}

// Where guests read nothing, whoever holds a link learns where it leads, before
// they have said a name.
func TestInviteIsReadWithoutASession(t *testing.T) {
	t.Parallel()
	l := live(t, func(c *web.Config) { c.Guests = false })
	ann := identity.NewUser("Ann")
	in := l.invite(t, ann, l.make(t, ann, `{"title":"Family","access":"private"}`).ID, `{}`)
	l.expect(t, 200, chat.User{}, "GET /join/"+in.token(), "")
	l.expect(t, 401, chat.User{}, "POST /join/"+in.token(), "")
	l.expect(t, 410, chat.User{}, "GET /join/x", "")
}
