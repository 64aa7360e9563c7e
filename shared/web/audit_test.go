package web_test

import (
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
)

func TestOperatorReadsWhatWasDoneInAllRooms(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob, op := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Ada")
	private := chat.NewPrivateRoom()
	made := l.append(t, chat.Event{Room: private, Kind: chat.Title, By: ann, Set: chat.Change{Made: true, Access: chat.AccessPrivate}})
	said := l.append(t, chat.Event{Room: "lobby", Kind: chat.Message, By: bob, Text: "spam"})
	for as, want := range map[string]int{"": http.StatusUnauthorized, l.token(t, ann): http.StatusForbidden, l.operator(t, op): http.StatusOK} {
		if status, answer := l.request(t, "GET", "/audit", "", as); status != want {
			t.Errorf("%d %s, want %d", status, answer, want)
		}
	}
	if status, answer := l.request(t, "DELETE", "/r/lobby/"+said.ID.String(), "", l.operator(t, op)); status != http.StatusOK {
		t.Fatalf("an operator's deletion: %d %s", status, answer)
	}
	_, last := l.request(t, "GET", "/audit?n=1", "", l.operator(t, op))
	if !strings.Contains(last, `"room":"lobby"`) || !strings.Contains(last, `"kind":"delete","by":`+string(chat.JSON(op))) || strings.Contains(last, string(private)) {
		t.Errorf("the last is %s", last)
	}
	_, first := l.request(t, "GET", "/audit?n=1&after=0-0", "", l.operator(t, op))
	if !strings.Contains(first, string(private)) || !strings.Contains(first, made.ID.String()) {
		t.Errorf("the first is %s", first)
	}
	_, cursor, _ := strings.Cut(first, `"cursor":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	if _, next := l.request(t, "GET", "/audit?after="+cursor, "", l.operator(t, op)); next != last {
		t.Errorf("after the first comes %s, want %s", next, last)
	}
	for _, query := range []string{"?n=0", "?n=101", "?n=x", "?after=x"} {
		if status, answer := l.request(t, "GET", "/audit"+query, "", l.operator(t, op)); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, status, answer)
		}
	}
}
