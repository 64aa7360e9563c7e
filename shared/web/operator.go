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
