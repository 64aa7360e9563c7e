package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// token is a session that ends after life.
func token(tb testing.TB, life time.Duration, u chat.User) string {
	tb.Helper()
	users, err := identity.New(life, key)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := users.Token(u)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := open(t, nil)
	for _, a := range []ask{
		{"GET", "/", "", "", nobody},
		{"GET", "/js/main.js", "", "", nobody},
		{"GET", "/login", "", "", nobody},
		{"POST", "/login", asForm, "user=ann", nobody},
		{"POST", "/r/lobby", asText, "hi", ann},
		{"GET", "/r/lobby", "", "", nobody},
		{"GET", "//login", "", "", nobody}, // redirected
		{"GET", "/nothing", "", "", nobody},
		{"POST", "/post", "Sec-Fetch-Site: cross-site", "", ann},
	} {
		res := h.do(t, a)
		for name, want := range map[string]string{
			"Cross-Origin-Opener-Policy": "same-origin",
			"Referrer-Policy":            "same-origin",
			"X-Content-Type-Options":     "nosniff",
			"X-Request-Id":               "",
			"Cache-Control":              "no-",
		} {
			if got := res.Header.Get(name); got == "" || !strings.Contains(got, want) {
				t.Errorf("%s %s: %s is %q", a.method, a.target, name, got)
			}
		}
		if got := res.Header.Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%s %s: HSTS %q without TLS", a.method, a.target, got)
		}
	}
}

// A browser heeds them of a document and of a worker's script alone.
func TestDocumentsAreGuarded(t *testing.T) {
	h := open(t, nil)
	for _, tt := range []struct {
		ask
		document bool
	}{
		{ask{"GET", "/", "", "", nobody}, true},
		{ask{"GET", "/sw.js", "", "", nobody}, true},
		{ask{"GET", "/icons/icon.svg", "", "", nobody}, true},
		{ask{"GET", "/js/main.js", "", "", nobody}, false},
		{ask{"GET", "/r/lobby", "Accept: text/html", "", nobody}, true},
		{ask{"GET", "/nothing", "Accept: text/html", "", nobody}, true},
		{ask{"GET", "/login", "", "", nobody}, false},
		{ask{"GET", "/r/lobby", "", "", nobody}, false},
		{ask{"POST", "/r/lobby", asText, "hi", ann}, false},
		{ask{"GET", "/nothing", "", "", nobody}, false},
	} {
		res := h.do(t, tt.ask)
		policy, features := res.Header.Get("Content-Security-Policy"), res.Header.Get("Permissions-Policy")
		if !tt.document && policy+features != "" {
			t.Errorf("%s %s: a policy for nobody: %q %q", tt.method, tt.target, policy, features)
		}
		const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self'; font-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types confab"
		if tt.document && (policy != want || !strings.Contains(features, "geolocation=()")) {
			t.Errorf("%s %s: policies are %q and %q", tt.method, tt.target, policy, features)
		}
	}
}

// The cookie's name tells whether the server believes in TLS.
func TestSecureByOriginTLSOrTrustedProxy(t *testing.T) {
	for _, tt := range []struct {
		origin, target, head, from string
		secure                     bool
	}{
		{"", "/login", "", "192.0.2.1:99", false},
		{"", "https://chat.example/login", "", "192.0.2.1:99", true}, // httptest makes r.TLS
		{"https://chat.example", "/login", "", "192.0.2.1:99", true},
		{"http://chat.example", "/login", "", "192.0.2.1:99", false},
		{"", "/login", "X-Forwarded-Proto: https", "192.0.2.1:99", false},
		{"", "/login", "X-Forwarded-Proto: https", "10.0.0.1:99", true},
		{"", "/login", "X-Forwarded-Proto: https", "10.0.0.1", true}, // as some runtimes have it
		{"", "/login", "X-Forwarded-Proto: HTTPS, http", "10.0.0.1:99", true},
		{"", "/login", "X-Forwarded-Proto: http", "10.0.0.1:99", false},
		{"", "/login", "X-Forwarded-Proto: https", "[::ffff:10.0.0.1]:99", true},
		{"", "/login", "X-Forwarded-Proto: https", "nowhere", false},
	} {
		h := open(t, func(c *web.Config) { c.Origin = tt.origin })
		from := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.RemoteAddr = tt.from
				next.ServeHTTP(w, r)
			})
		}
		h.Handler = from(h.Handler)
		res := h.do(t, ask{"POST", tt.target, asForm + "\n" + tt.head, "user=ann", nobody})
		name, want := res.Cookies()[0].Name, "session"
		if tt.secure {
			want = "__Host-session"
		}
		if name != want || (res.Header.Get("Strict-Transport-Security") != "") != tt.secure {
			t.Errorf("%+v: cookie %s, HSTS %q", tt, name, res.Header.Get("Strict-Transport-Security"))
		}
	}
}

func TestPublicOriginMayPost(t *testing.T) {
	const head = "Host: internal:8080\nOrigin: https://chat.example\n" + asForm
	post := ask{"POST", "/post", head, "message=hi", ann}
	refused(t, open(t, nil).do(t, post), 403, "another site")
	h := open(t, func(c *web.Config) { c.Origin = "https://chat.example" })
	if res := h.do(t, post); res.StatusCode != http.StatusNoContent {
		t.Errorf("the public origin's own form: %s", res.Status)
	}
	post.head += "\nSec-Fetch-Site: cross-site"
	post.head = strings.Replace(post.head, "chat.example", "evil.example", 1)
	refused(t, h.do(t, post), 403, "another site")
}

func TestBadConfigStopsTheStart(t *testing.T) {
	for _, cfg := range []web.Config{{Origin: "chat.example"}, {Origin: "https://chat.example/path"}, {Site: fstest.MapFS{}}} {
		if _, err := web.New(cfg); err == nil {
			t.Errorf("New took %+v", cfg)
		}
	}
}

// The log names the client: the address nearest to us that is no proxy of ours.
func TestClientAddressBehindProxies(t *testing.T) {
	for _, tt := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "203.0.113.9", "192.0.2.1"}, // says a stranger
		{"10.0.0.1:99", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "1.1.1.1, 203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1:99", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"10.0.0.1:99", "203.0.113.9, nonsense", "10.0.0.1"},
		{"10.0.0.1:99", "::ffff:203.0.113.9", "203.0.113.9"},
		{"[2001:db8::1]:99", "", "2001:db8::1"},
		{"10.0.0.1", "203.0.113.9", "203.0.113.9"},
	} {
		head := ""
		for hop := range strings.SplitSeq(tt.forwarded, ", ") { // one header each: they are one list
			head += "X-Forwarded-For: " + hop + "\n"
		}
		if log := refusedFrom(t, nil, tt.from, strings.TrimSuffix(head, "\n")); !strings.Contains(log, "client="+tt.want+" ") {
			t.Errorf("from %s, forwarded for %q, want %s: %s", tt.from, tt.forwarded, tt.want, log)
		}
	}
}

// refusedFrom is what is logged of a request that is refused.
func refusedFrom(t *testing.T, change func(*web.Config), addr, head string) (log string) {
	t.Helper()
	h := open(t, change)
	inner := h.Handler
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = addr
		inner.ServeHTTP(w, r)
	})
	h.do(t, ask{"GET", "/nothing", head, "", nobody})
	return h.log.String()
}

func TestWhoKnowsTheProxiesSecretIsBelieved(t *testing.T) {
	const edge, secret = "192.0.2.1", "open sesame, open"
	for _, tt := range []struct{ said, forwarded, want string }{
		{secret, "203.0.113.9", "203.0.113.9"},
		{secret, "203.0.113.9, " + edge, "203.0.113.9"}, // as API Gateway repeats its peer
		{secret, "1.1.1.1, 203.0.113.9, " + edge, "203.0.113.9"},
		{secret, "203.0.113.9, 10.0.0.7, " + edge, "203.0.113.9"}, // through one of the known addresses too
		{secret, "nonsense", edge},
		{secret + "x", "203.0.113.9", edge},
		{"", "203.0.113.9", edge},
	} {
		head := "X-Forwarded-For: " + tt.forwarded + "\nX-Request-Id: known\nX-Proxy-Secret: " + tt.said
		log := refusedFrom(t, func(c *web.Config) { c.ProxySecret = secret }, edge+":99", head)
		if !strings.Contains(log, "client="+tt.want+" ") || strings.Contains(log, secret) {
			t.Errorf("with %q, forwarded for %q, want %s: %s", tt.said, tt.forwarded, tt.want, log)
		}
		if strings.Contains(log, "request=known") {
			t.Errorf("a client behind a CDN named its request: %s", log)
		}
	}
	if log := refusedFrom(t, nil, edge+":99", "X-Forwarded-For: 203.0.113.9\nX-Proxy-Secret: "); !strings.Contains(log, "client="+edge+" ") {
		t.Errorf("no secret is set, and an empty one was believed: %s", log)
	}
}

func TestGuestsReadOnlyWhereTheyMay(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Guests = false })
	for _, target := range []string{"/r/lobby", "/r/lobby/people", "/rooms"} {
		refused(t, h.do(t, ask{"GET", target, "Accept: */*", "", nobody}), 401, "Say your name first")
		if res := h.do(t, ask{"GET", target, "", "", ann}); res.StatusCode != 200 {
			t.Errorf("GET %s with a session: %s", target, res.Status)
		}
		if res := open(t, nil).do(t, ask{"GET", target, "", "", nobody}); res.StatusCode != 200 {
			t.Errorf("GET %s as a guest: %s", target, res.Status)
		}
	}
	if res := h.do(t, ask{"GET", "/r/lobby", "Accept: text/html", "", nobody}); res.StatusCode != 200 {
		t.Errorf("the page that asks for a name needs one: %s", res.Status)
	}
}
