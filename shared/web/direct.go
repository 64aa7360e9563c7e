package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"confab/shared/chat"
)

// direct answers with the room of the user and those whom the request names. It
// is made if it is not there, and who left it is called back.
func (s *Server) direct(w http.ResponseWriter, r *http.Request) error {
	v, err := s.writer(r, chat.Title)
	if err != nil {
		return err
	}
	if _, err := mediaType(r, typeJSON); err != nil {
		return err
	}
	var in directRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ids, err := in.people(v.user.ID)
	if err != nil {
		return err
	}
	if in.Room, err = chat.ParseRoom(string(cmp.Or(in.Room, chat.Lobby))); err != nil {
		return err
	}
	room, code := directRoom(ids), http.StatusOK
	there, members, err := v.among(r.Context(), room)
	if err != nil {
		return err
	}
	if !there {
		code = http.StatusCreated
	}
	if len(members) < len(ids) {
		set := chat.Change{Made: true, Access: chat.AccessDirect}
		if set.With, err = v.calls(r.Context(), ids, in.Room); err != nil {
			return err
		}
		if _, _, err := s.write(r, v, chat.Draft{Room: room, Kind: chat.Title, Set: set}); err != nil {
			return err
		}
	}
	return s.showRoom(w, r, v, room, code)
}

// people are the ids of the people of a direct room, each once, sorted.
func (in directRequest) people(user string) ([]string, error) {
	ids := append([]string{user}, in.Users...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 2 || len(ids) > chat.MaxDirect {
		return nil, fmt.Errorf("%w: users are the ids of 1 to %d others", chat.ErrInvalid, chat.MaxDirect-1)
	}
	for _, id := range ids {
		if _, err := parseUser(id); err != nil {
			return nil, fmt.Errorf("%w: users are ids of users, as in the events that they wrote", chat.ErrInvalid)
		}
	}
	return ids, nil
}

// directRoom is the address of the direct room of some people.
//
// Decision: it is no secret, but for the ids. What keeps others out is that they
// are not members; and a key in it would give the same people another room
// whenever the keys are changed.
func directRoom(ids []string) chat.RoomID {
	sum := sha256.Sum256([]byte("direct " + strings.Join(ids, " ")))
	return chat.DirectRoom(sum[:])
}

// others are the people of a direct room beside the user.
func (v visitor) others(ctx context.Context, room chat.RoomID) (users []chat.User, err error) {
	members, err := v.members(ctx, room)
	if err != nil {
		return nil, err
	}
	name, err := v.names(ctx, room, members)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.User.ID != v.user.ID {
			users = append(users, name(m.User))
		}
	}
	return users, nil
}

// calls are the people of these ids, by the names that they were seen under in
// a room.
func (v visitor) calls(ctx context.Context, ids []string, room chat.RoomID) (chat.UserList, error) {
	var users []chat.User
	for _, id := range ids {
		u, err := v.find(ctx, id, room)
		switch {
		case errors.Is(err, chat.ErrForbidden), errors.Is(err, chat.ErrNotFound), errors.Is(err, chat.ErrUnauthorized):
			u = chat.User{ID: id, Name: id} // the room is not for the user to read
		case err != nil:
			return "", err
		}
		users = append(users, u)
	}
	return chat.NewUserList(users), nil
}
