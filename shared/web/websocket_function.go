//go:build function

package web

import (
	"net/http"

	"confab/shared/chat"
)

func (s *Server) socket(http.ResponseWriter, *http.Request, []chat.RoomID) error { return errNoSocket }

func (s *Server) shout(http.ResponseWriter, *http.Request) error { return errNoSocket }
