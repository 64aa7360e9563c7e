package web

import (
	"net/http"

	"confab/shared/access"
	"confab/shared/chat"
)

// rooms answers with the rooms that the query names, or else with all.
func (s *Server) rooms(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visitor(r)
	if err == nil {
		err = v.check(access.List)
	}
	if err != nil {
		return err
	}
	ids, err := queryRooms(r)
	if err != nil {
		return err
	}
	rooms, err := v.list(withoutClientCancel(r).Context(), ids...)
	if err != nil {
		return err
	}
	return s.deliver(w, r, typeJSON, jsonLine(roomList{append([]chat.Room{}, rooms...)}))
}

// people answers with the users who are in a room.
func (s *Server) people(w http.ResponseWriter, r *http.Request) error {
	v, err := s.reader(r)
	if err != nil {
		return err
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	people, err := v.people(withoutClientCancel(r).Context(), room)
	if err != nil {
		return err
	}
	return s.deliver(w, r, typeJSON, jsonLine(peopleList{append([]chat.User{}, people...)}))
}
