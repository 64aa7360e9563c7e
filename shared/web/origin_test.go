package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/web"
)

const (
	allowedOrigin = "https://www.example.org"
	otherOrigin   = "https://evil.example"
)

func withAllowed(c *web.Config) { c.AllowedOrigins = []string{allowedOrigin, "capacitor://localhost"} }

func TestAllowedOriginsReadAndWrite(t *testing.T) {
	h := open(t, withAllowed)
	for _, origin := range []string{allowedOrigin, "capacitor://localhost"} {
		head := "Origin: " + origin + "\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors"
		for _, a := range []ask{
			{"GET", "/r/lobby", head + "\nAccept: application/json", "", nobody},
			{"POST", "/r/lobby", head + "\n" + asJSON, `{"text":"hi"}`, ann},
			{"POST", "/login", head + "\n" + asJSON, `{"name":"cleo","token":true}`, nobody},
			{"GET", "/r/NONE", head, "", nobody}, // a refusal is for the page to read as well
		} {
			res := h.do(t, a)
			if res.StatusCode == http.StatusForbidden || res.Header.Get("Access-Control-Allow-Origin") != origin ||
				res.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Stream-Next-Offset") {
				t.Errorf("%s %s from %s: %s %v", a.method, a.target, origin, res.Status, res.Header)
			}
		}
	}
}

func TestPreflightOfAnAllowedOriginPasses(t *testing.T) {
	h := open(t, withAllowed)
	const asks = "\nAccess-Control-Request-Method: DELETE\nAccess-Control-Request-Headers: authorization,idempotency-key"
	res := h.do(t, ask{"OPTIONS", "/r/lobby/1-0", "Origin: " + allowedOrigin + "\nSec-Fetch-Site: cross-site" + asks, "", nobody})
	allowed := strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != allowedOrigin ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "DELETE") ||
		!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "idempotency-key") || res.Header.Get("Access-Control-Max-Age") == "" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}

func TestOtherOriginsAreRefusedWithTheCure(t *testing.T) {
	const asks = "\nAccess-Control-Request-Method: POST"
	for name, h := range map[string]*house{"none allowed": open(t, nil), "another allowed": open(t, withAllowed)} {
		for _, origin := range []string{otherOrigin, allowedOrigin + ".evil.example", "https://WWW.example.org", "http://www.example.org", allowedOrigin + ":8443", "null"} {
			res := h.do(t, ask{"OPTIONS", "/r/lobby", "Origin: " + origin + "\nSec-Fetch-Site: cross-site" + asks, "", nobody})
			if got := res.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s: %s may read", name, got)
			}
			refused(t, res, 403, "ALLOWED_ORIGINS")
			refused(t, h.do(t, ask{"POST", "/r/lobby", asJSON + "\nOrigin: " + origin, `{"text":"x"}`, ann}), 403, "ALLOWED_ORIGINS")
		}
	}
	h := open(t, withAllowed)
	if res := h.do(t, ask{"GET", "/rooms", "Origin: " + otherOrigin, "", nobody}); res.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("what another origin gets: %v", res.Header)
	}
}

// Without TLS a proxy that changes the host makes our own page look like another
// site's: whoever sees the refusal, or the log, learns what to mend.
func TestRefusalBehindAProxyNamesTheCure(t *testing.T) {
	h := open(t, nil)
	res := h.do(t, ask{"POST", "/login", "Host: 127.0.0.1:8080\nOrigin: http://chat.example\n" + asForm, "user=ann", nobody})
	body := read(t, res)
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%s %s", res.Status, body)
	}
	for _, cure := range []string{"proxy_set_header Host $http_host", "ProxyPreserveHost on", "PUBLIC_ORIGIN"} {
		if !strings.Contains(body, cure) || !strings.Contains(h.log.String(), cure) {
			t.Errorf("%s is not in the answer %s, or not in the log %s", cure, body, h.log)
		}
	}
	if log := h.log.String(); !strings.Contains(log, "origin=http://chat.example") || !strings.Contains(log, "host=127.0.0.1:8080") {
		t.Errorf("the log does not tell what differs: %s", log)
	}
}

// A name that a stranger makes resolve to this server (DNS rebinding) is not ours.
func TestOnlyThePublicHostIsAnswered(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Origin = "https://chat.example.org" })
	ask := func(host, from, path string) *http.Response {
		r := h.request(t, ask{"GET", path, "", "", nobody})
		r.Host, r.RemoteAddr = host, from
		return h.answer(r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{})))
	}
	const stranger, proxy = "192.0.2.1:99", "10.0.0.1:99"
	for _, host := range []string{"chat.example.org", "Chat.Example.org", "chat.example.org.", "chat.example.org:8443", "localhost:8080", "a.localhost", "confab", "127.0.0.1:8080", "[::1]:8080", "[::1]", ""} {
		if res := ask(host, stranger, "/rooms"); res.StatusCode != http.StatusOK {
			t.Errorf("Host %q: %s", host, res.Status)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "chat.example.org.evil.example", "xchat.example.org", "127.0.0.1.evil.example"} {
		refused(t, ask(host, stranger, "/rooms"), 421, "PUBLIC_ORIGIN")
		if res := ask(host, proxy, "/rooms"); res.StatusCode != http.StatusOK {
			t.Errorf("Host %q from a trusted proxy: %s", host, res.Status)
		}
	}
	if !strings.Contains(h.log.String(), "host=evil.example") || !strings.Contains(h.log.String(), "TRUSTED_PROXIES") {
		t.Errorf("the log does not tell what to mend: %s", h.log)
	}
	if res := ask("a.balancer.example", stranger, "/healthz"); res.StatusCode == http.StatusMisdirectedRequest {
		t.Error("a health check by another name is refused")
	}
}

// A stream that a page of another site opens takes a place of the visitor's address.
func TestPagesOfOtherSitesOpenNoStream(t *testing.T) {
	l := live(t, withAllowed)
	for _, tt := range []struct {
		head string
		want int
	}{
		{"", 200},
		{"Sec-Fetch-Site: same-origin", 200},
		{"Sec-Fetch-Site: none\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", 200},
		{"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", 200}, // a link
		{"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors\nOrigin: " + allowedOrigin, 200},
		{"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors\nOrigin: " + otherOrigin, 403},
		{"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image", 403},
		{"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe", 403},
		{"Sec-Fetch-Site: same-site\nSec-Fetch-Mode: cors\nOrigin: http://other.test", 403},
		{"Origin: " + otherOrigin, 403},
	} {
		for target, accept := range map[string]string{
			"/stream": "text/event-stream", "/stream?wait=0": "application/json", "/stream?a": "application/x-ndjson", "/subscribe": "*/*",
			"/r/lobby": "text/event-stream", "/r/lobby?follow=1": "application/x-ndjson", "/r/lobby?offset=-1&live=sse": "*/*",
		} {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", l.URL+target, nil)
			req.Header = l.head(t, chat.User{})
			req.Header.Set("Accept", accept)
			for line := range strings.Lines(tt.head) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				req.Header.Set(name, value)
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("%s with %q: %s, want %d", target, tt.head, res.Status, tt.want)
			}
		}
	}
}
