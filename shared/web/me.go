package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"confab/shared/chat"
	"confab/shared/identity"
)

const maxDevice = 160 // bytes of what a device says that it is

// A sessionList is the devices on which a user is signed in.
type sessionList struct {
	Sessions []listedSession `json:"sessions"`
}

// A listedSession is one of them. Its id is not its token, and lets nobody in.
type listedSession struct {
	chat.Session
	Current bool `json:"current,omitempty"` // it is the one that asks
}

var errNoSession = fmt.Errorf("%w: you are not signed in by such a session: it was ended already, or is not yours", chat.ErrNotFound)

// device is what a request's User-Agent says, without what could do harm where
// it is shown.
func device(r *http.Request) string {
	agent := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, r.UserAgent())
	return agent[:min(len(agent), maxDevice)]
}

// listSessions answers with the devices on which the user is signed in.
func (s *Server) listSessions(w http.ResponseWriter, r *http.Request) error {
	u, of, err := s.signedInAs(r)
	if err != nil {
		return err
	}
	all, err := s.gate.rooms.Sessions(r.Context(), u.ID)
	if err != nil {
		return err
	}
	out := sessionList{Sessions: make([]listedSession, len(all))}
	for i, one := range all {
		one.Device = s.ways.Device(one.Device)
		out.Sessions[i] = listedSession{one, one.ID == of.ID}
	}
	return answer(w, http.StatusOK, out)
}

// endSession signs one device out.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.signedInAs(r)
	if err != nil {
		return err
	}
	id := r.PathValue("session")
	all, err := s.gate.rooms.Sessions(r.Context(), u.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(one chat.Session) bool { return one.ID == id }) {
		return errNoSession
	}
	if err := s.gate.rooms.EndSession(r.Context(), u.ID, id); err != nil {
		return err
	}
	s.signedIn.forget(u.ID)
	s.log.Info("session ended", "user", u.ID, "client", s.client(r), "request", w.Header().Get(requestID))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endOtherSessions signs out everywhere but here: whoever asks gets a session of
// the next generation, which is the only one that is good from now on.
//
// Decision: the device that asks stays signed in. Who is known by a name alone
// could not come back as the same user, and would lose what is theirs to a
// thief of a token whom they meant to shut out.
func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	u, of, err := s.signedInAs(r)
	if err != nil {
		return err
	}
	if of.Generation, err = s.gate.rooms.EndSessions(r.Context(), u.ID); err != nil {
		return err
	}
	s.signedIn.forget(u.ID)
	if of.ID == "" { // a token of an earlier version
		of.ID = identity.NewSession(0).ID
	}
	if _, err := s.gate.rooms.UseSession(r.Context(), u.ID, of); err != nil { // it is listed at once
		return err
	}
	cookie, err := s.cfg.Users.CookieOf(u, of, s.secure(r))
	if err != nil {
		return err
	}
	s.log.Info("signed out everywhere else", "user", u.ID, "client", s.client(r), "request", w.Header().Get(requestID))
	out := loginAnswer{User: u}
	if r.Header.Get("Authorization") != "" {
		out.Token = cookie.Value
	} else {
		http.SetCookie(w, cookie)
	}
	return answer(w, http.StatusOK, out)
}

// end ends a session of a user who signs out.
func (s *Server) end(r *http.Request, u chat.User, id string) {
	if id == "" { // a token of an earlier version
		return
	}
	if err := s.gate.rooms.EndSession(withoutClientCancel(r).Context(), u.ID, id); err != nil {
		s.log.Warn("session not ended", "user", u.ID, "err", err)
	}
	s.signedIn.forget(u.ID)
}

// returning is the user of a session that was good once and was not ended, see
// [identity.Signer.Returning].
func (s *Server) returning(r *http.Request) (u chat.User, of chat.Session, ok bool, err error) {
	u, of, ok = s.cfg.Users.Returning(r, s.secure(r))
	if !ok {
		return u, of, false, nil
	}
	of.Device = device(r)
	err = s.signedIn.check(r.Context(), u.ID, of)
	if errors.Is(err, chat.ErrUnauthorized) {
		return u, of, false, nil
	}
	return u, of, err == nil, err
}

// sessionFor is the session by which a user is signed in from now on: the one of
// this device, if the user was signed in on it, or a new one.
func (s *Server) sessionFor(r *http.Request, u chat.User, known bool) (chat.Session, error) {
	old, of, ok, err := s.returning(r)
	switch {
	case err != nil:
		return of, err
	case ok && old.ID == u.ID && of.ID != "":
		return of, nil
	case !known:
		return identity.NewSession(0), nil
	}
	generation, err := s.gate.rooms.Generation(r.Context(), u.ID)
	return identity.NewSession(generation), err
}
