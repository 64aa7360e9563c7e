package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"confab/shared/web"

	"github.com/coder/websocket"
)

// What proxies send, in every form that they send it in. What is malformed is
// the proxy's own doing, so its client is counted as the proxy.
func TestEveryFormOfAForwardedAddressIsRead(t *testing.T) {
	const proxy = "10.0.0.1"
	for _, tt := range []struct{ head, want string }{
		{"X-Forwarded-For: 198.51.100.9:51344", "198.51.100.9"},
		{"X-Forwarded-For: 198.51.100.9:51344, 10.0.0.2:80", "198.51.100.9"},
		{"X-Forwarded-For: 1.1.1.1:1, 198.51.100.9:51344, 10.0.0.2:80", "198.51.100.9"},
		{"X-Forwarded-For: 2001:db8::1", "2001:db8::1"},
		{"X-Forwarded-For: [2001:db8::1]", "2001:db8::1"},
		{"X-Forwarded-For: [2001:db8::1]:443", "2001:db8::1"},
		{"X-Forwarded-For: [::ffff:198.51.100.9]:443", "198.51.100.9"},
		{"X-Forwarded-For: \"[2001:db8::1]:443\"", "2001:db8::1"},
		{"X-Forwarded-For: fe80::1%eth0", "fe80::1"},

		{"X-Forwarded-For: 198.51.100.9:", proxy},
		{"X-Forwarded-For: 198.51.100.9:port", proxy},
		{"X-Forwarded-For: 198.51.100.9:65536", proxy},
		{"X-Forwarded-For: 198.51.100.9:1:2", proxy},
		{"X-Forwarded-For: [198.51.100.9]", proxy},
		{"X-Forwarded-For: [2001:db8::1", proxy},
		{"X-Forwarded-For: [2001:db8::1]443", proxy},
		{"X-Forwarded-For: [2001:db8::1]x:443", proxy},
		{"X-Forwarded-For: \"198.51.100.9", proxy},
		{"X-Forwarded-For: unknown", proxy},
		{"X-Forwarded-For: ", proxy},
		{"X-Forwarded-For: 198.51.100.9, ", proxy},
		{"X-Forwarded-For: 198.51.100.9, unknown, 10.0.0.2", "10.0.0.2"},

		{"Forwarded: for=198.51.100.9", "198.51.100.9"},
		{"Forwarded: for=198.51.100.9;proto=https;by=10.0.0.1", "198.51.100.9"},
		{"Forwarded: by=10.0.0.1; For=\"198.51.100.9:51344\"", "198.51.100.9"},
		{"Forwarded: for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
		{"Forwarded: for=1.1.1.1, for=198.51.100.9, for=10.0.0.2", "198.51.100.9"},
		{"Forwarded: for=1.1.1.1\nForwarded: for=198.51.100.9", "198.51.100.9"},
		{"Forwarded: for=\"1.1.1.1, for=2.2.2.2\";x=\"a;b\", for=198.51.100.9", "198.51.100.9"},
		{"Forwarded: for=_hidden", proxy},
		{"Forwarded: for=unknown, for=10.0.0.2", "10.0.0.2"},
		{"Forwarded: for=198.51.100.9, proto=https", proxy},
		{"Forwarded: for=\"198.51.100.9", proxy},

		// A proxy that adds to one of them passes on the other, which anybody may have made up.
		{"Forwarded: for=198.51.100.9\nX-Forwarded-For: 198.51.100.9", "198.51.100.9"},
		{"Forwarded: for=1.1.1.1\nX-Forwarded-For: 198.51.100.9", proxy},
	} {
		if log := refusedFrom(t, nil, proxy+":99", tt.head); !strings.Contains(log, "client="+tt.want+" ") {
			t.Errorf("%q: want %s: %s", tt.head, tt.want, log)
		}
	}
}

func TestForwardedTellsTheScheme(t *testing.T) {
	for head, secure := range map[string]bool{
		"Forwarded: for=198.51.100.9;proto=https":                       true,
		"Forwarded: proto=\"https\"":                                    true,
		"Forwarded: proto=http, proto=https":                            false, // the first is nearest to the browser
		"Forwarded: proto=https\nX-Forwarded-Proto: http":               false,
		"Forwarded: for=198.51.100.9":                                   false,
		"Forwarded: for=\"198.51.100.9;proto=https\"":                   false,
		"Forwarded: for=198.51.100.9;PROTO=https, for=10.0.0.2;proto=x": true,
	} {
		h := open(t, nil)
		inner := h.Handler
		h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = "10.0.0.1:99"
			inner.ServeHTTP(w, r)
		})
		res := h.do(t, ask{"GET", "/login", head, "", nobody})
		if got := res.Header.Get("Strict-Transport-Security") != ""; got != secure {
			t.Errorf("%q: secure %t, want %t", head, got, secure)
		}
	}
}

// One subscriber has a /64 of IPv6, so it is one address to every limit.
func TestIPv6IsCountedByItsNetwork(t *testing.T) {
	var logins, posts []string
	h := open(t, func(c *web.Config) {
		c.AllowLogin = func(_ context.Context, address string) error { logins = append(logins, address); return nil }
		c.AllowPost = func(address string) error { posts = append(posts, address); return nil }
	})
	inner := h.Handler
	for _, from := range []string{"[2001:db8:0:7::1]:99", "[2001:db8:0:7:ffff::2]:99", "[2001:db8:0:8::1]:99", "198.51.100.9:99", "[::ffff:198.51.100.9]:99"} {
		h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = from
			inner.ServeHTTP(w, r)
		})
		h.do(t, ask{"POST", "/login", asForm, "user=ann", nobody})
		h.do(t, ask{"POST", "/r/lobby", asText, "hi", ann})
	}
	want := "2001:db8:0:7::/64 2001:db8:0:7::/64 2001:db8:0:8::/64 198.51.100.9 198.51.100.9"
	if got := strings.Join(logins, " "); got != want {
		t.Errorf("logins are counted by %s, want %s", got, want)
	}
	if got := strings.Join(posts, " "); got != want {
		t.Errorf("posts are counted by %s, want %s", got, want)
	}
}

func TestStreamsOfOneIPv6NetworkShareTheLimit(t *testing.T) {
	l := live(t, func(c *web.Config) {
		c.StreamsPerAddress = 1
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	from := func(addr string) http.Header {
		return http.Header{"X-Forwarded-For": {addr}, "Accept": {"application/json"}}
	}
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+"/stream", &websocket.DialOptions{HTTPHeader: from("2001:db8:0:7::1")})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for addr, want := range map[string]int{"2001:db8:0:7::2": http.StatusTooManyRequests, "2001:db8:0:8::1": http.StatusOK} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", l.URL+"/stream?wait=0", nil)
		req.Header = from(addr)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s beside 2001:db8:0:7::1: %s, want %d", addr, res.Status, want)
		}
	}
}

func TestAnUnknownProxyIsToldOnce(t *testing.T) {
	h := open(t, nil)
	inner := h.Handler
	from := func(addr, head string) string {
		h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = addr
			inner.ServeHTTP(w, r)
		})
		h.do(t, ask{"GET", "/nothing", head, "", nobody})
		return h.log.String()
	}
	if log := from("10.0.0.1:99", "X-Forwarded-For: 198.51.100.9"); strings.Contains(log, "TRUSTED_PROXIES") {
		t.Errorf("a trusted proxy was warned of: %s", log)
	}
	if log := from("192.0.2.1:99", ""); strings.Contains(log, "TRUSTED_PROXIES") {
		t.Errorf("a client without the header was warned of: %s", log)
	}
	if log := from("192.0.2.1:99", "X-Forwarded-For: 198.51.100.9, 192.0.2.1"); strings.Contains(log, "TRUSTED_PROXIES") {
		t.Errorf("a gateway's own client was warned of: %s", log)
	}
	for range 3 {
		from("192.0.2.1:99", "X-Forwarded-For: 198.51.100.9")
	}
	log := h.log.String()
	if n := strings.Count(log, "TRUSTED_PROXIES"); n != 1 || !strings.Contains(log, "peer=192.0.2.1") {
		t.Errorf("warned %d times, want once and with the peer: %s", n, log)
	}
}

// A client is told as whom it is counted, and through which unknown proxy it came.
func TestSessionTellsWhichAddressTheServerSees(t *testing.T) {
	for _, tt := range []struct{ head, address, proxy string }{
		{"", "192.0.2.1", ""},
		{"\nX-Forwarded-For: 203.0.113.7", "192.0.2.1", "192.0.2.1"},
		{"\nForwarded: for=203.0.113.7", "192.0.2.1", "192.0.2.1"},
		{"\nX-Forwarded-For: 203.0.113.7, 192.0.2.1", "192.0.2.1", ""},
	} {
		h := open(t, nil)
		var got struct{ Address, Proxy string }
		body := read(t, h.do(t, ask{"GET", "/login", "Accept: application/json" + tt.head, "", nobody}))
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Address != tt.address || got.Proxy != tt.proxy {
			t.Errorf("%q: %v, %s", tt.head, err, body)
		}
	}
}
