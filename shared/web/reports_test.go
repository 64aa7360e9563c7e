package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// reportsTo are the reports in somebody's inbox, as "reporter: reason".
func (l *liveServer) reportsTo(t *testing.T, u chat.User) (all []string) {
	t.Helper()
	for _, ev := range decode[inboxShown](t, l.expect(t, 200, u, "GET "+inboxOf(u), "")).Events {
		if ev.Notice == chat.AboutReport {
			all = append(all, fmt.Sprintf("%s on %s: %s", ev.By.Name, ev.Of.ID, ev.Text))
		}
	}
	return all
}

func TestReportReachesThoseWhoKeepTheRoom(t *testing.T) {
	t.Parallel()
	operator := identity.NewUser("Ada")
	l := live(t, func(cfg *web.Config) { cfg.Operators = []string{operator.ID} })
	ann, bob, cat, dan := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat"), identity.NewUser("Dan")
	l.append(t, chat.Event{Room: "ops", Kind: chat.Title, By: ann, Set: chat.Change{Made: true}})
	for u, role := range map[chat.User]string{bob: "moderator", cat: "member"} {
		l.append(t, chat.Event{Room: "ops", Kind: chat.Standings, By: ann, Member: chat.Standing{User: u, Role: role}})
	}
	said := l.append(t, chat.Event{Room: "ops", Kind: chat.Message, By: dan, Text: "buy this"})
	path := "POST /r/ops/" + said.ID.String() + "/reports"
	l.expect(t, 202, cat, path, `{"reason":" spam "}`)
	l.expect(t, 202, cat, path, `{"reason":"spam"}`)
	l.expect(t, 202, cat, path, `{"reason":"spam, I said"}`) // once a user and line
	l.expect(t, 202, dan, path, `{}`)
	want := fmt.Sprintf("Cat on %s: spam, Dan on %s: ", said.ID, said.ID)
	for u, want := range map[chat.User]string{ann: want, bob: want, cat: "", dan: "", operator: ""} {
		if got := strings.Join(l.reportsTo(t, u), ", "); got != want {
			t.Errorf("%s hears %q, want %q", u.Name, got, want)
		}
	}

	spam := l.append(t, chat.Event{Room: "lobby", Kind: chat.Message, By: dan, Text: "buy this"})
	l.expect(t, 202, cat, "POST /r/lobby/"+spam.ID.String()+"/reports", `{"reason":"here too"}`)
	if got := l.reportsTo(t, operator); len(got) != 1 {
		t.Errorf("of a room that nobody owns the operator hears %q", got)
	}
}

func TestReportsAreRefused(t *testing.T) {
	t.Parallel()
	reports := 0
	l := live(t, func(cfg *web.Config) {
		cfg.AllowReport = func(string) error {
			if reports++; reports > 4 {
				return fmt.Errorf("%w reports", chat.ErrTooMany)
			}
			return nil
		}
	})
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	private := chat.NewPrivateRoom()
	l.append(t, chat.Event{Room: private, Kind: chat.Title, By: ann, Set: chat.Change{Made: true, Access: chat.AccessPrivate}})
	l.append(t, chat.Event{Room: "ops", Kind: chat.Title, By: ann, Set: chat.Change{Made: true}})
	hidden := l.append(t, chat.Event{Room: private, Kind: chat.Message, By: ann, Text: "hush"})
	said := l.append(t, chat.Event{Room: "ops", Kind: chat.Message, By: ann, Text: "hi"})
	member := l.append(t, chat.Event{Room: "ops", Kind: chat.Standings, By: ann, Member: chat.Standing{User: bob, Role: "member"}})
	alone := l.append(t, chat.Event{Room: "lobby", Kind: chat.Message, By: ann, Text: "hi"})
	address := func(ev chat.Event) string { return "/r/" + string(ev.Room) + "/" + ev.ID.String() + "/reports" }
	for _, tt := range []struct {
		path, body string
		as         chat.User
		want       int
	}{
		{address(said), `{}`, chat.User{}, http.StatusUnauthorized},
		{address(hidden), `{}`, bob, http.StatusNotFound},
		{address(member), `{}`, bob, http.StatusNotFound}, // no line
		{"/r/ops/1-0/reports", `{}`, bob, http.StatusNotFound},
		{address(alone), `{}`, bob, http.StatusConflict}, // nobody would read it
		{address(said), `{"reason":"` + strings.Repeat("x", chat.MaxReason+1) + `"}`, bob, http.StatusUnprocessableEntity},
		{address(said), `{"reason":"a\nb"}`, bob, http.StatusUnprocessableEntity},
		{address(said), `{}`, bob, http.StatusAccepted},
		{address(said), `{}`, bob, http.StatusTooManyRequests},
	} {
		token := ""
		if tt.as.ID != "" {
			token = l.token(t, tt.as)
		}
		if status, answer := l.request(t, "POST", tt.path, tt.body, token); status != tt.want {
			t.Errorf("%s %s by %q: %d %s, want %d", tt.path, tt.body, tt.as.Name, status, answer, tt.want)
		}
	}
	if got := l.reportsTo(t, ann); len(got) != 1 {
		t.Errorf("the owner hears %q", got)
	}
}
