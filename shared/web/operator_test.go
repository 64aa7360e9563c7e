package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// operator is the token of a user who runs the server.
func (l *liveServer) operator(tb testing.TB, u chat.User) string {
	tb.Helper()
	token, err := l.users.OperatorToken(u)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestOperatorOwnsEveryRoom(t *testing.T) {
	listed := identity.NewUser("Eve")
	l := live(t, func(cfg *web.Config) { cfg.Operators = []string{listed.ID} })
	ann, bob, op := identity.NewUser("Ann"), identity.NewUser("Bob"), identity.NewUser("Ada")
	private := chat.NewPrivateRoom()
	l.append(t, chat.Event{Room: private, Kind: chat.Title, By: ann, Set: chat.Change{Made: true, Access: chat.AccessPrivate}})
	for _, tt := range []struct {
		who, token string
		by         chat.User
		want       bool
	}{
		{"a user", l.token(t, bob), bob, false},
		{"a user of an operator's name", l.token(t, identity.NewUser(op.Name)), op, false},
		{"an operator", l.operator(t, op), op, true},
		{"a user of OPERATORS", l.token(t, listed), listed, true},
	} {
		secret := l.append(t, chat.Event{Room: private, Kind: chat.Message, By: ann, Text: "hush"})
		spam := l.append(t, chat.Event{Room: "lobby", Kind: chat.Message, By: ann, Text: "spam"})
		for request, refusal := range map[string]int{
			"GET /r/" + string(private):                               http.StatusNotFound,
			"GET /poll?room=" + string(private):                       http.StatusNotFound,
			"DELETE /r/" + string(private) + "/" + secret.ID.String(): http.StatusNotFound,
			"DELETE /r/lobby/" + spam.ID.String():                     http.StatusForbidden,
		} {
			want := refusal
			if tt.want {
				want = http.StatusOK
			}
			method, path, _ := strings.Cut(request, " ")
			status, answer := l.request(t, method, path, "", tt.token)
			if status != want {
				t.Errorf("%s, %s: %d %s, want %d", tt.who, request, status, answer, want)
			}
			if method == "DELETE" && tt.want && !strings.Contains(answer, `"by":`+string(chat.JSON(tt.by))) {
				t.Errorf("%s, %s: %s does not say who did it", tt.who, request, answer)
			}
		}
		if _, answer := l.request(t, "GET", "/login", "", tt.token); strings.Contains(answer, `"operator":true`) != tt.want {
			t.Errorf("%s: GET /login says %s", tt.who, answer)
		}
	}
}

// A login by a name makes no operator, whatever it says. It leaves one who is.
func TestNoNameMakesAnOperator(t *testing.T) {
	l := live(t, nil)
	op := identity.NewUser("Ada")
	past, err := identity.New(-time.Hour, key)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := past.OperatorToken(op)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who, token, body string
		want             bool
	}{
		{"a name", "", `{"name":"Operator","token":true}`, false},
		{"a wish", "", `{"name":"Eve","token":true,"operator":true,"role":"operator"}`, false},
		{"an operator's session that has expired", expired, `{"name":"Ida","token":true}`, false},
		{"an operator under another name", l.operator(t, op), `{"name":"Countess","token":true}`, true},
	} {
		status, answer := l.request(t, "POST", "/login", tt.body, tt.token)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", tt.who, status, answer)
		}
		_, token, _ := strings.Cut(answer, `"token":"`)
		token, _, _ = strings.Cut(token, `"`)
		if _, answer := l.request(t, "GET", "/login", "", token); strings.Contains(answer, `"operator":true`) != tt.want || !strings.Contains(answer, `"id":"u_`) {
			t.Errorf("%s: GET /login says %s", tt.who, answer)
		}
	}
}

func TestTransferLeavesAnOperatorOne(t *testing.T) {
	l := live(t, nil)
	for _, tt := range []struct {
		token string
		want  bool
	}{{l.token(t, identity.NewUser("Ann")), false}, {l.operator(t, identity.NewUser("Ada")), true}} {
		_, answer := l.request(t, "POST", "/me/transfer", "", tt.token)
		_, code, _ := strings.Cut(answer, "#transfer=")
		code, _, _ = strings.Cut(code, `"`)
		_, answer = l.request(t, "POST", "/login", `{"token":true,"transfer":"`+code+`"}`, "")
		_, token, _ := strings.Cut(answer, `"token":"`)
		token, _, _ = strings.Cut(token, `"`)
		if _, answer := l.request(t, "GET", "/login", "", token); strings.Contains(answer, `"operator":true`) != tt.want || !strings.Contains(answer, `"id":"u_`) {
			t.Errorf("operator %t: the other device is %s", tt.want, answer)
		}
	}
}
