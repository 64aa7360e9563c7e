package web

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"confab/shared/chat"
)

// MaxHeader is how many bytes the header fields of a request may have. Browsers
// send the cookies of all apps that ever ran on localhost.
const MaxHeader = 48 << 10

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

// guardDocument adds the headers that a browser heeds only of a document. They
// are most of its head.
func guardDocument(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Permissions-Policy", permissions)
}

// runsScripts reports whether a browser that opens a file would run the scripts
// in it. The worker is one: it has the policy that it came with. Any other
// script has that of its document.
func runsScripts(name, kind string) bool {
	return strings.HasPrefix(kind, typeHTML) || strings.HasPrefix(kind, "image/svg+xml") || name == workerScript
}

// guard puts on every answer what keeps a browser safe, and turns a panic
// into an answer: some runtimes would die of it.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(requestID, s.requestID(r))
		h.Set("Cache-Control", noStore)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		// Decision: not no-referrer, under which browsers send "Origin: null"
		// with a form, and without TLS that is all there is to know it by.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		if s.secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer s.rescue(w, r)
		if n := headerSize(r.Header); n > MaxHeader {
			s.fail(w, r, fmt.Errorf("%w: the header fields of this request have %d bytes, the limit is %d. "+
				"Mostly that is cookies of other apps on this host: delete them in the browser's settings", errHeader, n, MaxHeader))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headerSize is how many bytes header fields have on the wire.
func headerSize(h http.Header) (n int) {
	for name, values := range h {
		for _, value := range values {
			n += len(name) + len(": \r\n") + len(value)
		}
	}
	return n
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

// user is the user who sent a request, by its session. A session does not count
// where a trusted proxy says that the request is somebody else's.
func (s *Server) user(r *http.Request) (chat.User, error) {
	u, _, err := s.signedInAs(r)
	return u, err
}

// signedInAs is the user who sent a request, and the session by which it is
// signed in, which was not ended.
func (s *Server) signedInAs(r *http.Request) (chat.User, chat.Session, error) {
	u, of, err := s.cfg.Users.Session(r, s.secure(r))
	if err != nil {
		return chat.User{}, of, err
	}
	p, vouched, err := s.vouched(r)
	if err == nil && vouched && p.UserID() != u.ID {
		err = errOther
	}
	if err == nil {
		of.Device = device(r)
		err = s.signedIn.check(r.Context(), u.ID, of)
	}
	if err != nil {
		return chat.User{}, of, err
	}
	return u, of, nil
}
