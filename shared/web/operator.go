package web

import (
	"net/http"
	"slices"

	"confab/shared/chat"
)

// operates reports whether the user of a request runs the server.
func (s *Server) operates(r *http.Request, u chat.User) bool {
	return u.ID != "" && (s.cfg.Users.Operator(r, s.secure(r)) || slices.Contains(s.cfg.Operators, u.ID))
}

// staysOperator reports whether the user who signs in by a request is an operator
// who is signed in as the same user now.
func (s *Server) staysOperator(r *http.Request, u chat.User) bool {
	now, err := s.user(r)
	return err == nil && now.ID == u.ID && s.cfg.Users.Operator(r, s.secure(r))
}

// sessionCookie is the cookie of a user who signs in. Operator says that a
// session of an operator did so; no name does.
func (s *Server) sessionCookie(r *http.Request, u chat.User, operator bool) (*http.Cookie, error) {
	if operator {
		return s.cfg.Users.OperatorCookie(u, s.secure(r))
	}
	return s.cfg.Users.Cookie(u, s.secure(r))
}
