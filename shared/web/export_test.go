package web

import (
	"confab/shared/access"
	"confab/shared/chat"
)

// Deny has the gate refuse everybody everything, with this error.
func (s *Server) Deny(err error) {
	s.gate.may = func(chat.User, access.Action, access.Facts) error { return err }
}
