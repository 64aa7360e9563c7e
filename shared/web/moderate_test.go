package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

// request sends a body as JSON with a bearer token, or without one.
func (l *liveServer) request(tb testing.TB, method, path, body, token string) (status int, answer string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, l.URL+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (l *liveServer) token(tb testing.TB, u chat.User) string {
	tb.Helper()
	token, err := l.users.Token(u)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// append writes an event down, round the routes.
func (l *liveServer) append(tb testing.TB, ev chat.Event) chat.Event {
	tb.Helper()
	line, _, err := l.store.Append(tb.Context(), ev)
	if err != nil {
		tb.Fatal(err)
	}
	return line.Event
}

func TestModeratorsDeletionIsAnEventOfTheirs(t *testing.T) {
	l := live(t, nil)
	ann, bob, cat := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Cat")
	l.append(t, chat.Event{Room: "ops", Kind: chat.Title, By: ann, Text: "Ops", Set: chat.Change{Made: true}})
	said := l.append(t, chat.Event{Room: "ops", Kind: chat.Message, By: cat, Text: "spam"})
	path := "/r/ops/" + said.ID.String()
	if status, answer := l.request(t, "DELETE", path, "", l.token(t, bob)); status != http.StatusForbidden {
		t.Errorf("a guest: %d %s", status, answer)
	}
	l.append(t, chat.Event{Room: "ops", Kind: chat.Standings, By: ann, Member: chat.Standing{User: bob, Role: "moderator"}})
	status, answer := l.request(t, "DELETE", path, "", l.token(t, bob))
	if status != http.StatusOK || !strings.Contains(answer, `"kind":"delete","by":`+string(chat.JSON(bob))) {
		t.Errorf("a moderator: %d %s", status, answer)
	}
	if status, answer := l.request(t, "GET", "/r/ops", "", ""); strings.Contains(answer, "spam") {
		t.Errorf("the room still has it: %d %s", status, answer)
	}
}
