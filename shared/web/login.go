package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"confab/shared/chat"
	"confab/shared/identity"
)

// Login are the routes of the session.
func Login(ways Ways) Routes {
	return func(s *Server, mux *http.ServeMux) {
		s.ways = ways
		mux.Handle("GET /login", s.wrap(s.whoami))
		mux.Handle("POST /login", s.wrap(s.login))
		mux.Handle("DELETE /login", s.wrap(s.logout))
		mux.Handle("GET /me/sessions", s.wrap(s.listSessions))
		mux.Handle("DELETE /me/sessions", s.wrap(s.endOtherSessions))
		mux.Handle("DELETE /me/sessions/{session}", s.wrap(s.endSession))
		mux.Handle("GET /login/oidc", s.wrap(s.beginAway))
		mux.Handle("GET /login/oidc/callback", s.wrap(s.endAway))
		mux.Handle("POST /login/passkey", s.wrap(s.showPasskey))
		mux.Handle("GET /me/passkeys", s.wrap(s.passkeys))
		mux.Handle("POST /me/passkeys", s.wrap(s.makePasskey))
		mux.Handle("DELETE /me/passkeys/{passkey}", s.wrap(s.removePasskey))
		mux.Handle("POST /me/transfer", s.wrap(s.transfer))
	}
}

// A session is what a page has to know before it begins.
type session struct {
	User       *chat.User     `json:"user"` // null: nobody is signed in
	Guests     string         `json:"guests"`
	Ways       []string       `json:"ways"` // to sign in, the first one first
	Limits     map[string]int `json:"limits"`
	Transports []string       `json:"transports"` // by which rooms are read here, the best first
	Address    string         `json:"address"`    // by which the client is counted
	Proxy      string         `json:"proxy,omitempty"`
	Operator   bool           `json:"operator,omitempty"` // the user runs the server
}

var limits = map[string]int{
	"text": chat.MaxText, "title": chat.MaxTitle, "name": chat.MaxName, "key": chat.MaxKey, "room": chat.MaxRoomID,
	"body": maxBody, "rooms": maxRooms, "page": maxPage, "query": maxQuery, "reason": chat.MaxReason,
}

// What the transports are called.
const (
	serverSentEvents = "sse"
	webSocket        = "websocket"
	longPoll         = "longpoll"
)

func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if accepts(r, typeJSON, typeHTML) == typeHTML {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	now, err := s.session(w, r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, now)
}

// session is what the server knows of the client that asks. It renews its
// cookie.
func (s *Server) session(w http.ResponseWriter, r *http.Request) (session, error) {
	now := session{Guests: "none", Ways: s.offered(), Limits: limits, Transports: s.transports(r), Address: s.network(r)}
	if peer, ok := s.unknownPeer(r); ok {
		now.Proxy = peer.String()
	}
	if s.cfg.Guests {
		now.Guests = "read"
	}
	u, vouched, err := s.vouchedUser(w, r)
	if !vouched && err == nil {
		u, err = s.user(r)
	}
	if errors.Is(err, chat.ErrUnavailable) { // whom the token names, until the store is asked for something
		u, err = s.cfg.Users.User(r, s.secure(r))
	}
	switch {
	case err == nil:
		now.User, now.Operator = &u, s.operates(r, u)
		if vouched {
			break
		}
		if err := s.renew(w, r); err != nil {
			return now, err
		}
	case !errors.Is(err, identity.ErrNone):
		return now, err
	}
	return now, nil
}

// transports returns the ways to read at the place that the request came to, so
// that a page does not try those that a function has not.
func (s *Server) transports(r *http.Request) []string {
	switch {
	case r.Context().Value(bufferedKey{}) != nil:
		return []string{longPoll}
	case s.cfg.Sockets || r.Context().Value(http.ServerContextKey) != nil: // what net/http serves can be hijacked
		return []string{serverSentEvents, webSocket, longPoll}
	}
	return []string{serverSentEvents, longPoll}
}

// A loginRequest is a name that somebody wants to be known by, or a proof of who
// somebody is.
type loginRequest struct {
	Name      string `json:"name,omitempty"`
	Transfer  string `json:"transfer,omitempty"`  // the code of another device's link, instead of a name
	Assertion string `json:"assertion,omitempty"` // a token of the site that is trusted, instead of a name
	Recovery  string `json:"recovery,omitempty"`  // a recovery code, instead of a name
	Token     bool   `json:"token,omitempty"`     // the answer is to hold the session as text
	next      string // where a form leads on to
	form      bool
}

func readLogin(r *http.Request) (in loginRequest, err error) {
	kind, err := mediaType(r, typeForm, typeMultipart, typeJSON)
	if err != nil {
		return in, err
	}
	if kind == typeJSON {
		err = readJSON(r, &in)
		return in, err
	}
	form, err := readForm(r, kind)
	return loginRequest{Name: form.Get("user"), next: form.Get("next"), form: true}, err
}

// login signs somebody in. A user who is signed in already keeps the id, so that
// their messages stay theirs under the new name.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	in, err := readLogin(r)
	if err != nil {
		return err
	}
	if in.Recovery != "" {
		return s.recover(w, r, in)
	}
	u, operator, err := s.proven(r, in)
	if err != nil {
		return err
	}
	_, vouched, err := s.vouched(r)
	if err != nil {
		return err
	}
	of, err := s.sessionFor(r, u, vouched || in.Transfer != "" || in.Assertion != "")
	if err != nil {
		return err
	}
	of.Operator = operator
	cookie, err := s.signIn(w, r, u, of)
	if err != nil {
		return err
	}
	if in.form {
		http.Redirect(w, r, localPath(in.next), http.StatusSeeOther)
		return nil
	}
	out := loginAnswer{User: u}
	if in.Token {
		out.Token = cookie.Value
	}
	return answer(w, http.StatusOK, out)
}

// signIn gives a browser a session of a user.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, u chat.User, of chat.Session) (*http.Cookie, error) {
	cookie, err := s.cfg.Users.CookieOf(u, of, s.secure(r))
	if err != nil {
		return nil, err
	}
	http.SetCookie(w, cookie)
	s.log.Info("signed in", "user", u.ID, "client", s.client(r), "request", w.Header().Get(requestID))
	return cookie, nil
}

// signInAgain signs in a user who may have been here before, on any device.
func (s *Server) signInAgain(w http.ResponseWriter, r *http.Request, u chat.User) (*http.Cookie, error) {
	of, err := s.sessionFor(r, u, true)
	if err != nil {
		return nil, err
	}
	return s.signIn(w, r, u, of)
}

// allowLogin counts a login, and fails when that is too many.
func (s *Server) allowLogin(r *http.Request) error {
	if s.cfg.AllowLogin == nil {
		return nil
	}
	return s.cfg.AllowLogin(r.Context(), s.network(r))
}

// renew lengthens a session that is half over.
func (s *Server) renew(w http.ResponseWriter, r *http.Request) error {
	cookie, err := s.cfg.Users.Renew(r, s.secure(r))
	if err == nil && cookie != nil {
		http.SetCookie(w, cookie)
	}
	return err
}

// logout ends the session, in the browser and for whoever has a copy of its
// token, and frees its name at once. Another device of the user that is present
// takes the name again within moments.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if u, of, err := s.signedInAs(r); err == nil {
		s.end(r, u, of.ID)
		if err := s.gate.rooms.Free(withoutClientCancel(r).Context(), u); err != nil {
			s.log.Warn("name not given away", "user", u.ID, "err", err) // it is, by itself, within PresenceLife
		}
	}
	http.SetCookie(w, s.cfg.Users.Clear(s.secure(r)))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// localPath is next if that is a path of ours, or else "/": a link to the
// login must not lead on to another site. Browsers read '\' as '/'.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return u.String()
}
