package proxies_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/chat"
)

// nginxAuth asks another server who somebody is, and tells ours. It has an
// address of its own, so that the test itself is no trusted peer.
const nginxAuth = `
location = /auth { internal; proxy_pass AUTH; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location / {
	auth_request /auth;
	auth_request_set $user $upstream_http_x_user;
	proxy_set_header X-Forwarded-User $user;
	proxy_bind 127.0.0.2;
` + nginxCured + "}"

// visitorOf is a browser that signs in at the proxy by a name.
type visitorOf struct {
	*http.Client
	name, spoof string
}

func newVisitor(tb testing.TB, name, spoof string) *visitorOf {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &visitorOf{&http.Client{Jar: jar}, name, spoof}
}

func (v *visitorOf) ask(tb testing.TB, method, url, body string, into any) int {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if v.name != "" {
		req.SetBasicAuth(v.name, "secret")
	}
	if v.spoof != "" {
		req.Header.Set("X-Forwarded-User", v.spoof)
	}
	res, err := v.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	if into != nil && res.StatusCode < 300 {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			tb.Fatal(err)
		}
	}
	return res.StatusCode
}

func TestUsersOfAProxyAreThoseThatItNames(t *testing.T) {
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, ok := r.BasicAuth()
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-User", name)
	}))
	defer auth.Close()
	s := process.Start(t, "TRUSTED_PROXIES=127.0.0.2/32", "USER_HEADER=X-Forwarded-User")
	addr, _ := nginx.start(t, s, nginxSite(strings.ReplaceAll(nginxAuth, "AUTH", auth.URL)), "")
	base := "http://" + addr
	type session struct{ User *chat.User }

	if status := newVisitor(t, "", "ann").ask(t, "GET", base+"/login", "", nil); status != http.StatusUnauthorized {
		t.Errorf("without a login at the proxy: %d", status)
	}
	ann := newVisitor(t, "ann", "mallory") // whose own header the proxy replaces
	var in session
	if status := ann.ask(t, "GET", base+"/login", "", &in); status != http.StatusOK || in.User == nil || in.User.Name != "ann" {
		t.Fatalf("%d, signed in as %v", status, in.User)
	}
	var ev chat.Event
	if status := ann.ask(t, "POST", base+"/r/lobby", `{"text":"hi"}`, &ev); status != http.StatusCreated || ev.By != *in.User {
		t.Errorf("%d, said by %v", status, ev.By)
	}
	ann.name = "bob" // the same browser, another login at the proxy
	if status := ann.ask(t, "POST", base+"/r/lobby", `{"text":"hi"}`, nil); status != http.StatusUnauthorized {
		t.Errorf("with the session of somebody else: %d", status)
	}
	var after session
	if ann.ask(t, "GET", base+"/login", "", &after); after.User == nil || after.User.Name != "bob" || after.User.ID == in.User.ID {
		t.Errorf("after another login at the proxy it is %v", after.User)
	}

	stranger := newVisitor(t, "", "ann")
	var none session
	if status := stranger.ask(t, "GET", s.URL+"/login", "", &none); status != http.StatusOK || none.User != nil {
		t.Errorf("a stranger who sends the header is %v (%d)", none.User, status)
	}
	if status := stranger.ask(t, "POST", s.URL+"/r/lobby", `{"text":"hi"}`, nil); status != http.StatusUnauthorized {
		t.Errorf("and posts: %d", status)
	}
	if status := stranger.ask(t, "POST", s.URL+"/login", `{"name":"Ann"}`, nil); status != http.StatusConflict {
		t.Errorf("and takes the name: %d", status)
	}
}
