package web

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"confab/shared/chat"
)

const (
	requestID    = "X-Request-Id"
	maxRequestID = 128
	proxySecret  = "X-Proxy-Secret"
	noStore      = "no-store"

	// No inline script, no inline style, nothing from elsewhere, and no
	// string that becomes markup.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"manifest-src 'self'; worker-src 'self'; media-src 'self'; font-src 'none'; object-src 'none'; base-uri 'none'; " +
		"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types confab"
	permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
		"microphone=(), midi=(), payment=(), usb=()"
)

// guard puts on every answer what keeps a browser safe, and turns a panic
// into an answer: some runtimes would die of it.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(requestID, s.requestID(r))
		h.Set("Cache-Control", noStore)
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
		// Decision: not no-referrer, under which browsers send "Origin: null"
		// with a form, and without TLS that is all there is to know it by.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		if s.secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer s.rescue(w, r)
		next.ServeHTTP(w, r)
	})
}

// requestID names a request in our log and in the answer: by the name that one
// of our proxies gave it, so that it is found in both logs, or by a new one. A
// CDN, which knows the secret instead, passes on what its clients say.
func (s *Server) requestID(r *http.Request) string {
	id := r.Header.Get(requestID)
	if id != "" && len(id) <= maxRequestID && !strings.ContainsFunc(id, notInID) && s.trusts(remote(r)) {
		return id
	}
	return rand.Text()
}

func notInID(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.=;:/+", r))
}

func (s *Server) rescue(w http.ResponseWriter, r *http.Request) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		s.fail(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	}
}

// secure reports whether the browser talks to us over TLS.
func (s *Server) secure(r *http.Request) bool {
	if strings.HasPrefix(s.cfg.Origin, "https://") || r.TLS != nil {
		return true
	}
	// The first is the one nearest to the browser. A browser that makes it up
	// gets a cookie that it cannot send back.
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(proto), "https") && s.proxied(r)
}

// client is the address that a request came from. Each proxy adds to the
// right of X-Forwarded-For, so it is read from there, for as long as the
// address that vouches is one of our proxies.
func (s *Server) client(r *http.Request) netip.Addr {
	peer, proxied := remote(r), s.proxied(r)
	addr := peer
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !s.trusts(addr) && !(proxied && addr == peer) {
			break
		}
		addr = before.Unmap().WithZone("")
	}
	return addr
}

// proxied reports whether a request was sent by one of our proxies: from its
// address, or with the secret that all of them share.
func (s *Server) proxied(r *http.Request) bool {
	said := []byte(r.Header.Get(proxySecret))
	return s.trusts(remote(r)) || s.cfg.ProxySecret != "" && subtle.ConstantTimeCompare(said, []byte(s.cfg.ProxySecret)) == 1
}

func (s *Server) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// remote is the other end of the connection. Some runtimes tell it without a
// port.
func remote(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap().WithZone("")
}

// user is who sent a request.
func (s *Server) user(r *http.Request) (chat.User, error) {
	return s.cfg.Users.User(r, s.secure(r))
}
