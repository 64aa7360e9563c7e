package web

import (
	"fmt"
	"net/http"

	"confab/shared/chat"
)

// stream reads the rooms of the query.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	rooms, err := queryRooms(r)
	if err != nil {
		return err
	}
	if len(rooms) == 0 {
		rooms = []chat.RoomID{chat.Lobby}
	}
	return s.live(w, r, rooms)
}

// live reads rooms as they go on.
func (s *Server) live(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	return fmt.Errorf("%w: this server has no streams yet", errNotAcceptable)
}
