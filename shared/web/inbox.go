package web

import (
	"fmt"
	"net/http"
	"strings"

	"confab/shared/chat"
)

// isInbox reports whether a request's path names somebody's inbox. Others than its
// user do not come so far: see mayEnter.
func isInbox(r *http.Request) bool { return strings.HasPrefix(r.PathValue("room"), "@") }

// pathReadable is the room, or the inbox, that a request's path names.
func pathReadable(r *http.Request) (chat.RoomID, error) {
	if !isInbox(r) {
		return pathRoom(r)
	}
	inbox, err := chat.ParseInbox(r.PathValue("room"))
	if err != nil {
		return "", fmt.Errorf("%w: there is no such room: %s", chat.ErrNotFound, plain(err, chat.ErrInvalid))
	}
	return inbox, nil
}

// inbox answers with a page of the notices for the user who asks. An inbox is not
// followed: that it has grown is told in all streams of its user.
func (s *Server) inbox(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathReadable)
	if err != nil {
		return err
	}
	form := accepts(r, typeJSON, typeNDJSON)
	if form == "" {
		return fmt.Errorf("%w: an inbox is read as %s or %s", errNotAcceptable, typeJSON, typeNDJSON)
	}
	p, err := v.page(r, room)
	if err != nil {
		return err
	}
	p.link(w.Header())
	if form == typeNDJSON {
		return s.deliver(w, r, typeNDJSON, p.lines())
	}
	return s.deliver(w, r, typeJSON, jsonLine(p))
}

// readMark answers with how far the user has read the room, or of an inbox, all
// rooms.
func (s *Server) readMark(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathReadable)
	if err != nil {
		return err
	}
	marks, err := v.marks(withoutClientCancel(r).Context())
	if err != nil {
		return err
	}
	if isInbox(r) {
		return answer(w, http.StatusOK, readMarks{marks})
	}
	return answer(w, http.StatusOK, readMark{room, marks[room]})
}

// setReadMark says that the user has read a room, or their inbox, up to an event.
func (s *Server) setReadMark(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathReadable)
	if err != nil {
		return err
	}
	if _, err := mediaType(r, typeJSON); err != nil {
		return err
	}
	var in readRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if in.ID.IsZero() {
		return fmt.Errorf("%w: say the id of the last event that was read", chat.ErrInvalid)
	}
	if s.cfg.AllowTyping != nil {
		if err := s.cfg.AllowTyping(s.network(r)); err != nil {
			return err
		}
	}
	at, err := v.mark(r.Context(), room, in.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, readMark{room, at})
}
