package web_test

import (
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
)

func TestMutedReadsAndBannedDoesNot(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	l.make(t, ann, `{"title":"Ops"}`)
	said := decode[chat.Event](t, l.expect(t, 201, bob, "POST /r/ops", `{"text":"hi"}`))
	l.expect(t, 200, ann, "PUT /r/ops/bans/"+bob.ID, `{"mute":true,"seconds":600,"reason":"abuse"}`)
	for _, route := range []string{"POST /r/ops", "PATCH /r/ops/" + said.ID.String(), "POST /r/ops/typing", "PATCH /r/ops"} {
		l.expect(t, 403, bob, route, `{"text":"again","title":"x"}`)
	}
	got := decode[membersShown](t, l.expect(t, 200, bob, "GET /r/ops/members", ""))
	if left := time.Until(time.UnixMilli(got.You.Until)); got.You.Ban != chat.Mute || got.You.Reason != "abuse" || left < 9*time.Minute || left > 10*time.Minute {
		t.Errorf("he is told %+v", got.You)
	}
	l.expect(t, 200, bob, "DELETE /r/ops/"+said.ID.String(), "") // one's own lines one may take back

	l.expect(t, 200, ann, "PUT /r/ops/bans/"+bob.ID, `{"reason":"abuse"}`)
	for _, route := range []string{"GET /r/ops", "HEAD /r/ops", "POST /r/ops", "GET /r/ops/people", "GET /r/ops/members", "GET /r/ops/bans", "GET /stream?room=ops", "GET /stream?room=lobby&room=ops", "GET /poll?room=ops", "GET /rooms?room=ops", "GET /r/ops?offset=-1", "GET /r/ops?q=hi", "GET /r/ops/" + said.ID.String(), "POST /r/ops/typing", "DELETE /r/ops/" + said.ID.String()} {
		body := read(t, l.expect(t, 403, bob, route, `{"text":"again"}`))
		if route != "HEAD /r/ops" && !strings.Contains(body, "banned from this room") {
			t.Errorf("%s: %s", route, body)
		}
	}
	l.expect(t, 403, bob, "PUT /r/ops", "")
	l.expect(t, 200, bob, "GET /r/lobby", "")
	bans := decode[struct{ Bans []chat.Banning }](t, l.expect(t, 200, ann, "GET /r/ops/bans", "")).Bans
	if len(bans) != 1 || bans[0] != (chat.Banning{User: bob, Ban: chat.Banned, Reason: "abuse", By: ann}) {
		t.Errorf("the bans are %+v", bans)
	}
	l.expect(t, 200, ann, "DELETE /r/ops/bans/"+bob.ID, "")
	l.expect(t, 404, ann, "DELETE /r/ops/bans/"+bob.ID, "")
	l.expect(t, 201, bob, "POST /r/ops", `{"text":"sorry"}`)
}

func TestOnlyModeratorsBan(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	l.make(t, ann, `{"title":"Ops"}`)
	l.expect(t, 403, bob, "PUT /r/ops/bans/"+cat.ID, `{}`)
	l.expect(t, 403, bob, "GET /r/ops/bans", "")
	l.expect(t, 401, chat.User{}, "GET /r/ops/bans", "")
	l.expect(t, 401, chat.User{}, "PUT /r/ops/bans/"+cat.ID, `{}`)
	l.expect(t, 200, ann, "PUT /r/ops/members/"+bob.ID, `{"role":"moderator"}`)
	l.expect(t, 403, bob, "PUT /r/ops/bans/"+ann.ID, `{}`)
	l.expect(t, 403, bob, "PUT /r/ops/bans/"+bob.ID, `{}`)
	l.expect(t, 200, bob, "PUT /r/ops/bans/"+cat.ID, `{}`)
	for _, body := range []string{`{"seconds":-1}`, `{"seconds":315360001}`, `{"erase":-1}`, `{"erase":86401}`, `{"mute":1}`, `{"reason":"a\nb"}`, `{"reason":"` + strings.Repeat("x", chat.MaxReason+1) + `"}`} {
		l.expect(t, 422, bob, "PUT /r/ops/bans/"+cat.ID, body)
	}
	l.expect(t, 403, ann, "PUT /r/lobby/bans/"+cat.ID, `{}`)
}

// What a ban takes out is what they said of late, and nobody else's.
func TestBanTakesLinesBack(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	l.make(t, ann, `{"title":"Ops"}`)
	for range 3 {
		l.expect(t, 201, bob, "POST /r/ops", `{"text":"abuse"}`)
	}
	l.expect(t, 201, ann, "POST /r/ops", `{"text":"stop"}`)
	old := decode[chat.Event](t, l.expect(t, 201, bob, "POST /r/ops", `{"text":"gone already"}`))
	l.expect(t, 200, bob, "DELETE /r/ops/"+old.ID.String(), "")
	got := decode[struct {
		Kind   chat.Kind
		Member chat.Standing
		Erased int
	}](t, l.expect(t, 200, ann, "PUT /r/ops/bans/"+bob.ID, `{"mute":true,"erase":3600}`))
	if got.Erased != 3 || got.Kind != chat.Standings || got.Member.User != bob {
		t.Errorf("the answer is %+v", got)
	}
	page := decode[struct{ Events []chat.Event }](t, l.expect(t, 200, bob, "GET /r/ops", ""))
	deleted := 0
	for _, ev := range page.Events {
		if ev.Kind == chat.Message && ev.By == bob {
			t.Errorf("%s is left", ev.Text)
		}
		if ev.Kind == chat.Delete && ev.By == ann {
			deleted++
		}
	}
	if deleted != 3 {
		t.Errorf("%d deletions are by Ann", deleted)
	}
	again := decode[struct{ Erased int }](t, l.expect(t, 200, ann, "PUT /r/ops/bans/"+bob.ID, `{"erase":3600}`))
	if again.Erased != 0 {
		t.Errorf("a repeat takes out %d", again.Erased)
	}
}
