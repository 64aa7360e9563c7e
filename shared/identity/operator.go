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
func (s *Signer) OperatorToken(u chat.User) (string, error) { return s.token(u, true) }

// OperatorCookie is that session as a cookie, for an operator who signs in
// another device, or under another name.
func (s *Signer) OperatorCookie(u chat.User, secure bool) (*http.Cookie, error) {
	return s.cookie(u, true, secure)
}

// Operator reports whether the session of a request says that its user runs the
// server. One that has expired says so no more.
func (s *Signer) Operator(r *http.Request, secure bool) bool {
	token, err := tokenOf(r, secure)
	if err != nil {
		return false
	}
	now, err := s.read(token)
	return err == nil && now.operator
}
