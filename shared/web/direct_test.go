package web_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

func users(us ...chat.User) string {
	ids := []string{}
	for _, u := range us {
		ids = append(ids, u.ID)
	}
	b, _ := json.Marshal(map[string]any{"users": ids})
	return string(b)
}

func TestSamePeopleGetTheSameRoom(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	l.expect(t, 201, bob, "POST /r/lobby", `{"text":"hi"}`)
	made := decode[roomShown](t, l.expect(t, 201, ann, "POST /direct", users(bob, bob, ann)))
	if !made.ID.Hidden() || made.Access != chat.AccessDirect || made.Role != "member" || len(made.With) != 1 || made.With[0] != bob {
		t.Errorf("the room is %+v", made)
	}
	there := decode[roomShown](t, l.expect(t, 200, bob, "POST /direct", users(ann)))
	if there.ID != made.ID || len(there.With) != 1 || there.With[0] != ann {
		t.Errorf("the other one gets %+v", there)
	}
	path := "/r/" + string(made.ID)
	l.expect(t, 201, bob, "POST "+path, `{"text":"hi"}`)
	l.expect(t, 404, cat, "GET "+path, "")
	if three := decode[roomShown](t, l.expect(t, 201, ann, "POST /direct", users(bob, cat))); three.ID == made.ID || len(three.With) != 2 {
		t.Errorf("three people get %+v", three)
	}
	// Names are those of the room where they were met, if the user may read it.
	dan, inAttic := identity.NewUser("Dan"), `{"users":[%q],"room":"attic"}`
	l.expect(t, 201, dan, "POST /r/attic", `{"text":"hi"}`)
	if met := decode[roomShown](t, l.expect(t, 201, ann, "POST /direct", fmt.Sprintf(inAttic, dan.ID))); len(met.With) != 1 || met.With[0] != dan {
		t.Errorf("who was met in another room is %+v", met.With)
	}
	l.expect(t, 422, ann, "POST /direct", `{"users":["u_x"],"room":"No Room"}`)
	hidden := decode[roomShown](t, l.expect(t, 201, dan, "POST /rooms", `{"title":"Hidden","access":"private"}`))
	l.expect(t, 201, dan, "POST /r/"+string(hidden.ID), `{"text":"hi"}`)
	if met := decode[roomShown](t, l.expect(t, 201, cat, "POST /direct", fmt.Sprintf(`{"users":[%q],"room":%q}`, dan.ID, hidden.ID))); met.With[0].Name != dan.ID {
		t.Errorf("a stranger learns from a private room: %+v", met.With)
	}
	// It is never anything else, and nobody is let in or thrown out.
	l.expect(t, 409, ann, "PATCH "+path, `{"access":"open"}`)
	l.expect(t, 409, ann, "PATCH "+path, `{"locked":true}`)
	l.expect(t, 409, ann, "DELETE "+path, "")
	l.expect(t, 409, ann, "PUT "+path+"/members/"+cat.ID, `{"role":"member"}`)
	l.expect(t, 409, ann, "PUT "+path+"/bans/"+bob.ID, `{}`)
	l.expect(t, 409, ann, "POST "+path+"/invites", `{}`)
	l.expect(t, 403, ann, "PUT "+path+"/members/"+ann.ID, `{"role":"owner"}`)
	l.expect(t, 200, ann, "PATCH "+path, `{"title":"Us"}`)
	// Who leaves is called back, and finds what was said.
	l.expect(t, 200, bob, "DELETE "+path+"/members/"+bob.ID, "")
	l.expect(t, 404, bob, "GET "+path, "")
	l.expect(t, 200, ann, "POST /direct", users(bob))
	l.expect(t, 200, bob, "GET "+path, "")
}

func TestDirectRoomIsOfTwoToEight(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := identity.NewUser("Ann")
	l.expect(t, 401, chat.User{}, "POST /direct", users(ann))
	many := []chat.User{}
	for i := range chat.MaxDirect {
		many = append(many, chat.User{ID: fmt.Sprint("u_", i)})
	}
	l.expect(t, 201, ann, "POST /direct", users(many[1:]...))
	for _, body := range []string{`{}`, users(), users(ann), users(many...), `{"users":["a b"]}`, `{"users":"u_x"}`, `{"users":[""]}`} {
		l.expect(t, 422, ann, "POST /direct", body)
	}
}
