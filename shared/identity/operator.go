package identity

import (
	"net/http"

	"confab/shared/chat"
)

// OperatorToken returns a session as text, of a user who runs the server: an
// owner of every room.
//
// Decision: the session says who is an operator, and neither a name, which
// anybody may take, nor the form of a user's id, which other ways to sign in may
// choose. Whoever holds the keys makes one; a login by a name never does.
func (s *Signer) OperatorToken(u chat.User) (string, error) {
	of := NewSession(0)
	of.Operator = true
	return s.TokenOf(u, of)
}

// Operator reports whether the session of a request says that its user runs the
// server. One that has expired says so no more.
func (s *Signer) Operator(r *http.Request, secure bool) bool {
	token, err := tokenOf(r, secure)
	if err != nil {
		return false
	}
	now, err := s.read(token)
	return err == nil && now.of.Operator
}
