package web_test

import (
	"fmt"
	"slices"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

// A membersShown is who belongs to a room.
type membersShown struct {
	Room roomShown
	You  struct {
		Role   string
		Ban    chat.Ban
		Until  int64
		Reason string
	}
	Members []chat.Belonging
	More    bool
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	room := "/r/" + string(l.make(t, ann, `{"title":"Family","access":"private"}`).ID)
	l.expect(t, 404, bob, "GET "+room+"/members", "")
	ev := decode[chat.Event](t, l.expect(t, 200, ann, "PUT "+room+"/members/"+bob.ID, `{"role":"member"}`))
	if ev.Kind != chat.Standings || ev.Member.User.ID != bob.ID || ev.Member.Role != "member" || ev.By != ann {
		t.Errorf("the event is %+v", ev)
	}
	l.expect(t, 201, bob, "POST "+room, `{"text":"hi"}`)
	l.expect(t, 409, ann, "PUT "+room+"/members/"+bob.ID, `{"role":"member"}`)
	l.expect(t, 403, bob, "PUT "+room+"/members/"+bob.ID, `{"role":"owner"}`)
	l.expect(t, 403, bob, "PUT "+room+"/members/"+cat.ID, `{"role":"member"}`)
	l.expect(t, 200, ann, "PUT "+room+"/members/"+bob.ID, `{"role":"moderator"}`)
	l.expect(t, 403, bob, "PUT "+room+"/members/"+bob.ID, `{"role":"owner"}`)
	l.expect(t, 403, bob, "DELETE "+room+"/members/"+ann.ID, "")
	l.expect(t, 200, bob, "PUT "+room+"/members/"+cat.ID, `{"role":"member"}`)

	got := decode[membersShown](t, l.expect(t, 200, bob, "GET "+room+"/members", ""))
	// Bob's name is that of his line, by now. Nobody has seen Cat.
	want := []chat.Belonging{{User: ann, Role: "owner"}, {User: bob, Role: "moderator"}, {User: chat.User{ID: cat.ID, Name: cat.ID}, Role: "member"}}
	if !slices.Equal(got.Members, want) || got.You.Role != "moderator" || got.Room.Role != "moderator" || got.Room.Title != "Family" || got.More {
		t.Errorf("the members are %+v, want %+v", got, want)
	}
	l.expect(t, 201, cat, "POST "+room, `{"text":"hi"}`)
	got = decode[membersShown](t, l.expect(t, 200, bob, "GET "+room+"/members", ""))
	if want[2].User = cat; !slices.Equal(got.Members, want) {
		t.Errorf("when all were seen the members are %+v, want %+v", got.Members, want)
	}
	l.expect(t, 409, ann, "DELETE "+room+"/members/"+ann.ID, "")
	l.expect(t, 200, ann, "PUT "+room+"/members/"+bob.ID, `{"role":"owner"}`)
	l.expect(t, 200, ann, "DELETE "+room+"/members/"+ann.ID, "")
	l.expect(t, 404, ann, "GET "+room, "")
	l.expect(t, 404, bob, "DELETE "+room+"/members/"+ann.ID, "")
	l.expect(t, 404, bob, "PUT "+room+"/members/a%20b", `{"role":"member"}`)
	for _, body := range []string{`{}`, `{"role":"king"}`, `{"role":"operator"}`, `{"role":1}`} {
		l.expect(t, 422, bob, "PUT "+room+"/members/"+ann.ID, body)
	}
	l.expect(t, 403, bob, "PUT /r/lobby/members/"+bob.ID, `{"role":"owner"}`) // which belongs to nobody
}

func TestManyMembersComeInPages(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := identity.NewUser("Ann")
	l.make(t, ann, `{"title":"Ops"}`)
	for i := range 5 {
		l.expect(t, 200, ann, fmt.Sprintf("PUT /r/ops/members/u_%d", i), `{"role":"member"}`)
	}
	var ids []string
	for after := "n=2"; after != ""; {
		page := decode[membersShown](t, l.expect(t, 200, chat.User{}, "GET /r/ops/members?"+after, ""))
		for _, m := range page.Members {
			ids = append(ids, m.User.ID)
		}
		if after = ""; page.More {
			after = "n=2&after=" + ids[len(ids)-1]
		}
	}
	if want := []string{ann.ID, "u_0", "u_1", "u_2", "u_3", "u_4"}; !slices.Equal(ids, want) {
		t.Errorf("the members are %q, want %q", ids, want)
	}
	for _, query := range []string{"n=0", "n=1001", "n=x", "after=u_9"} {
		l.expect(t, 400, ann, "GET /r/ops/members?"+query, "")
	}
}

// Whoever was away sees at their return who was let in, raised and banned.
func TestWhatBecameOfPeopleIsSeenAtResume(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	l.make(t, ann, `{"title":"Ops"}`)
	said := decode[chat.Event](t, l.expect(t, 201, bob, "POST /r/ops", `{"text":"hi"}`))
	l.expect(t, 200, ann, "PUT /r/ops/members/"+bob.ID, `{"role":"moderator"}`)
	l.expect(t, 200, ann, "PATCH /r/ops", `{"locked":true}`)
	l.expect(t, 200, ann, "PUT /r/ops/bans/"+bob.ID, `{"reason":"abuse","seconds":60}`)
	for _, route := range []string{"GET /r/ops?after=", "GET /stream?room=ops&wait=0&after="} {
		var kinds []string
		for _, ev := range decode[struct{ Events []chat.Event }](t, l.expect(t, 200, ann, route+said.ID.String(), "")).Events {
			if ev.Kind == chat.Title || ev.Kind == chat.Standings {
				kinds = append(kinds, string(ev.Kind)+" "+ev.Member.Role+string(ev.Member.Ban))
			}
		}
		if want := []string{"member moderator", "room ", "member ban"}; !slices.Equal(kinds, want) {
			t.Errorf("%s answers %q, want %q", route, kinds, want)
		}
	}
}
