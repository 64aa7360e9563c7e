package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/testenv"
	"confab/shared/web"
	socket "confab/shared/web/websocket"

	"github.com/coder/websocket"
)

// signIn signs somebody in over HTTP, on a device that says what it is, and
// returns the session's token.
func signIn(tb testing.TB, base, body, agent string) (chat.User, string) {
	tb.Helper()
	res := request(tb, "POST", base+"/login", "", agent, body)
	in := decode[struct {
		User  chat.User
		Token string
	}](tb, res)
	if res.StatusCode != http.StatusOK || in.Token == "" {
		tb.Fatal(res.Status)
	}
	return in.User, in.Token
}

// request asks a server for something with a token.
func request(tb testing.TB, method, address, token, agent, body string) *http.Response {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, address, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", agent)
	if strings.Contains(address, "/ws/") {
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			req.Header.Set(name, value)
		}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { res.Body.Close() })
	return res
}

type device struct {
	ID, Device string
	Made, Used int64
	Current    bool
}

func devices(tb testing.TB, base, token string) map[string]device {
	tb.Helper()
	all := map[string]device{}
	for _, one := range decode[struct{ Sessions []device }](tb, request(tb, "GET", base+"/me/sessions", token, firefox, "")).Sessions {
		all[one.Device] = one
	}
	return all
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	phone   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)

// onTwo signs a user in on two devices.
func (l *liveServer) onTwo(tb testing.TB) (laptop, mobile string) {
	tb.Helper()
	_, laptop = signIn(tb, l.URL, `{"name":"Ann","token":true}`, firefox)
	made := decode[struct{ Link string }](tb, request(tb, "POST", l.URL+"/me/transfer", laptop, firefox, ""))
	_, code, _ := strings.Cut(made.Link, "=")
	_, mobile = signIn(tb, l.URL, fmt.Sprintf(`{"transfer":%q,"token":true}`, code), phone)
	request(tb, "GET", l.URL+"/login", mobile, phone, "")
	return laptop, mobile
}

func TestDevicesAreListedAndSignedOut(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	laptop, mobile := l.onTwo(t)
	all := devices(t, l.URL, laptop)
	mine, theirs := all["Firefox on Linux"], all["Chrome on Android"]
	if len(all) != 2 || !mine.Current || theirs.Current || theirs.ID == "" || theirs.Made == 0 || theirs.Used < theirs.Made || strings.Contains(mobile, theirs.ID) {
		t.Fatalf("listed are %+v", all)
	}
	_, bob := signIn(t, l.URL, `{"name":"Bob","token":true}`, firefox)
	for _, tt := range []struct {
		id, as string
		want   int
	}{
		{theirs.ID, "", http.StatusUnauthorized},
		{theirs.ID, bob, http.StatusNotFound},
		{"made-up", laptop, http.StatusNotFound},
		{theirs.ID, laptop, http.StatusNoContent},
		{theirs.ID, laptop, http.StatusNotFound},
		{mine.ID, mobile, http.StatusUnauthorized},
	} {
		if res := request(t, "DELETE", l.URL+"/me/sessions/"+tt.id, tt.as, firefox, ""); res.StatusCode != tt.want {
			t.Errorf("ending %s: %s, want %d", tt.id, res.Status, tt.want)
		}
	}
	if all := devices(t, l.URL, laptop); len(all) != 1 {
		t.Errorf("listed afterwards: %+v", all)
	}
	if u, _ := signIn(t, l.URL, `{"name":"Ann 2","token":true}`, phone); u.ID == "" {
		t.Error("nobody is in")
	}
}

// Every route refuses a session that was ended, whatever the method.
func TestEndedSessionIsRefusedOnEveryRoute(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	laptop, mobile := l.onTwo(t)
	kept := decode[struct{ Token string }](t, request(t, "DELETE", l.URL+"/me/sessions", laptop, firefox, "")).Token
	if kept == "" || kept == laptop {
		t.Fatalf("the token that is left is %.20q", kept)
	}
	public := map[string]bool{"GET /healthz": true, "GET /readyz": true, "POST /login": true, "DELETE /login": true, "POST /login/passkey": true, "GET /login/oidc": true, "GET /login/oidc/callback": true}
	walked := 0
	for path, ops := range readDescription(t).Paths {
		for method := range ops {
			route := strings.ToUpper(method) + " " + path
			if method == "parameters" || public[route] {
				continue
			}
			walked++
			address := l.URL + strings.NewReplacer("{room}", "lobby", "{id}", "1-0", "{emoji}", "👍", "{user}", "u_x", "{session}", "x").Replace(path)
			for _, token := range []string{laptop, mobile} {
				if res := request(t, strings.ToUpper(method), address, token, firefox, `{"text":"a"}`); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s: %s", route, res.Status)
				}
			}
		}
	}
	if walked < 20 {
		t.Errorf("%d routes were walked", walked)
	}
	if all := devices(t, l.URL, kept); len(all) != 1 || !all["Firefox on Linux"].Current {
		t.Errorf("listed afterwards: %+v", all)
	}
	if u, _ := signIn(t, l.URL, `{"name":"Bea","token":true}`, firefox); u.ID == "" {
		t.Error("nobody is in")
	}
}

// Another server learns of it within five seconds, with streams of every kind
// and without a request.
func TestStreamsOfAnEndedSessionEndOnAnotherServer(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	other := sibling(t, l)
	laptop, mobile := l.onTwo(t)
	open := func(name, address, accept, token string) chan struct{} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", other+address, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept", accept)
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(name, err, res)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, res.Body)
		}()
		t.Cleanup(func() { res.Body.Close() })
		return ended
	}
	streams := map[string]chan struct{}{
		"SSE":     open("SSE", "/stream", "text/event-stream", mobile),
		"NDJSON":  open("NDJSON", "/r/lobby?follow=1", "application/x-ndjson", mobile),
		"durable": open("durable", "/r/lobby?live=sse&offset=-1", "", mobile),
	}
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(other, "http")+"/stream", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + mobile}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	socketEnded := make(chan struct{})
	streams["WebSocket"] = socketEnded
	go func() {
		defer close(socketEnded)
		for err := error(nil); err == nil; {
			_, _, err = conn.Read(t.Context())
		}
	}()
	if res := request(t, "DELETE", l.URL+"/me/sessions", laptop, firefox, ""); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	began := time.Now()
	for name, ended := range streams {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Errorf("%s goes on", name)
		}
	}
	testenv.Await(t, "that no new one is let in", 5*time.Second, func() bool {
		return request(t, "GET", other+"/stream", mobile, phone, "").StatusCode == http.StatusUnauthorized
	})
	t.Logf("all ended %v after the sign-out", time.Since(began).Round(time.Millisecond))
}

// sibling is another server over the same rooms.
func sibling(tb testing.TB, l *liveServer) string {
	tb.Helper()
	h := hub.New(l.store, nil)
	s, err := web.New(web.Config{Rooms: l.store, Hub: h, Users: l.users, Guests: true, Upgrade: socket.Upgrade})
	if err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler(web.Post, web.Stream))
	tb.Cleanup(func() {
		s.Drain()
		h.Close(0)
		srv.Close()
	})
	return srv.URL
}

func TestLogoutEndsTheTokenToo(t *testing.T) {
	h := open(t, nil)
	token := "Authorization: Bearer " + h.token(t, ann)
	if res := h.do(t, ask{"DELETE", "/login", token, "", nobody}); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.Status)
	}
	refused(t, h.do(t, ask{"GET", "/rooms", token, "", nobody}), 401, "ended")
	// and it proves nothing any more
	in := decode[struct{ User chat.User }](t, h.do(t, ask{"POST", "/login", token + "\n" + asJSON, `{"name":"ann"}`, nobody}))
	if in.User.ID == ann.ID {
		t.Error("it is the same user again")
	}
}

func TestTransferIsOverAfterSigningOutEverywhere(t *testing.T) {
	h := open(t, nil)
	made := decode[struct{ Link string }](t, h.do(t, ask{"POST", "/me/transfer", "", "", ann}))
	if res := h.do(t, ask{"DELETE", "/me/sessions", "", "", ann}); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	_, code, _ := strings.Cut(made.Link, "=")
	refused(t, h.do(t, ask{"POST", "/login", asJSON, `{"transfer":"` + code + `"}`, nobody}), 401, "used already")
}

// A post asks the store for nothing but to write it, once its session is known.
func TestPostAsksTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, nil)
		token := "Authorization: Bearer " + h.token(t, ann)
		say := func() {
			if res := h.do(t, ask{"POST", "/r/lobby", token + "\n" + asJSON, `{"text":"hi"}`, nobody}); res.StatusCode != http.StatusCreated {
				t.Fatal(res.Status)
			}
		}
		say()
		first := h.tape.people.asked
		for range 50 {
			say()
		}
		if h.tape.people.asked != first || first != 1 {
			t.Errorf("asked %d times for the first post, %d for 51", first, h.tape.people.asked)
		}
		for range 30 { // a minute: it is read who signed out, and no post waits for it
			time.Sleep(2 * time.Second)
			say()
			synctest.Wait()
		}
		if n := h.tape.people.asked - first; n < 15 || n > 30 {
			t.Errorf("in a minute it was asked %d times who signed out", n)
		}
	})
}

func TestSignOutIsKnownWithinFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, nil)
		token := "Authorization: Bearer " + h.token(t, ann)
		status := func() int { return h.do(t, ask{"GET", "/rooms", token, "", nobody}).StatusCode }
		for _, pause := range []time.Duration{0, time.Second, 3 * time.Second, 20 * time.Second, 20 * time.Minute} {
			time.Sleep(pause)
			if got := status(); got != http.StatusOK {
				t.Fatalf("after %v: %d", pause, got)
			}
		}
		if _, err := h.tape.EndSessions(context.Background(), ann.ID); err != nil { // by another server
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := status(); got != http.StatusUnauthorized {
			t.Errorf("five seconds after signing out everywhere: %d", got)
		}
	})
}

// While the store does not answer, who was in stays in, and nobody else gets in.
func TestSessionsWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, nil)
		known := "Authorization: Bearer " + h.token(t, ann)
		h.do(t, ask{"GET", "/rooms", known, "", nobody})
		h.tape.err = fmt.Errorf("%w: away", chat.ErrUnavailable)
		time.Sleep(time.Minute)
		if res := h.do(t, ask{"GET", "/login", known, "", nobody}); res.StatusCode != http.StatusOK {
			t.Errorf("who was in: %s", res.Status)
		}
		if res := h.do(t, ask{"GET", "/login", "", "", identity.NewUser("Bob")}); res.StatusCode != http.StatusOK {
			t.Errorf("who has a good token learns their own name: %s", res.Status)
		}
		if res := h.do(t, ask{"POST", "/r/lobby", asJSON, `{"text":"hi"}`, bob}); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("who was not in posts: %s", res.Status)
		}
	})
}
