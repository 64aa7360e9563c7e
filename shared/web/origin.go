package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// What an operator whose proxy hides the host from us can do about it.
const passHost = "let the proxy in front pass on the host that was asked for (nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost on)"

// What pages of an allowed origin may send and see (the CORS protocol of the
// Fetch standard), and for how long browsers remember it.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, " +
		"Producer-Id, Producer-Epoch, Producer-Seq, X-Requested-With"
	corsExposed = "ETag, Idempotent-Replayed, Link, Location, Retry-After, Stream-Cursor, Stream-Next-Offset, " +
		"Stream-Up-To-Date, X-Request-Id"
	corsMaxAge = "7200"
)

// trustOrigins has pages of these origins believed.
func (s *Server) trustOrigins() error {
	s.cross = http.NewCrossOriginProtection()
	if origin := s.cfg.Origin; origin != "" {
		if err := s.cross.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("public origin: %w", err)
		}
		u, err := url.Parse(origin)
		if err != nil {
			return fmt.Errorf("public origin: %w", err)
		}
		s.host = u.Hostname()
	}
	s.allowed = map[string]bool{}
	for _, origin := range s.cfg.AllowedOrigins {
		if err := s.cross.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("allowed origin: %w", err)
		}
		s.allowed[origin] = true
	}
	return nil
}

// origins refuses requests that pages of other sites send, answers the
// preflights of browsers, and lets allowed origins read the answers.
func (s *Server) origins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := s.allow(w.Header(), r.Header.Get("Origin"))
		switch err := s.checkOrigin(r); {
		case err != nil:
			s.fail(w, r, err)
		case isPreflight(r) && allowed:
			h := w.Header()
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// allow lets pages of an origin read the answer, if an operator named it.
func (s *Server) allow(h http.Header, origin string) bool {
	if len(s.allowed) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	if !s.allowed[origin] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", corsExposed)
	return true
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func (s *Server) checkOrigin(r *http.Request) error {
	if !s.isOurHost(r) {
		return fmt.Errorf("%w: this server is at %s and nowhere else. If you run it: %s, name that proxy in TRUSTED_PROXIES, or mend PUBLIC_ORIGIN",
			errMisdirected, s.cfg.Origin, passHost)
	}
	if isPreflight(r) {
		return s.checkForeign(r)
	}
	if s.cross.Check(r) != nil {
		return foreign(r)
	}
	return nil
}

// checkForeign refuses what a page of another site may not even read: a stream
// takes a place of the visitor's address, and a WebSocket carries the user's
// cookie. Both are opened by a GET, which is let in otherwise.
func (s *Server) checkForeign(r *http.Request) error {
	asPost := r.WithContext(r.Context())
	asPost.Method = http.MethodPost
	if s.cross.Check(asPost) != nil && !followsLink(r) {
		return foreign(r)
	}
	return nil
}

// followsLink reports whether somebody goes to this address in a browser, from
// whatever page.
func followsLink(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// foreign is the refusal of a request of another site. Without TLS a browser
// does not say whose page it is, and a proxy that changes the host makes our own
// page look like another site's.
func foreign(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") != "" {
		return fmt.Errorf("%w: this request was sent by a page of another site. If you run this server and that page is yours, name its origin in ALLOWED_ORIGINS", errForeign)
	}
	return fmt.Errorf("%w: this request was sent by a page of another site, or looks so because a proxy changed the host. If you run this server: %s, "+
		"or set PUBLIC_ORIGIN to the address that people type; if it is another page of yours, name its origin in ALLOWED_ORIGINS", errForeign, passHost)
}

// isOurHost reports whether a request may have been meant for us. Where the
// public origin is known, other names are not ours: a stranger's name that was
// made to resolve to this address would make the stranger's page our own (DNS
// rebinding). Nobody can do that with an address, or a name without a dot, and a
// trusted proxy may ask by any name. A function is found by its host alone.
func (s *Server) isOurHost(r *http.Request) bool {
	if s.host == "" || r.Host == "" || r.Context().Value(http.ServerContextKey) == nil || isHealthCheck(r) {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".")
	if strings.EqualFold(host, s.host) || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || s.proxied(r)
}

func isHealthCheck(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }
