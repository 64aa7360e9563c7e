package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"confab/shared/access"
	"confab/shared/chat"

	"golang.org/x/text/unicode/norm"
)

// makeRoom makes a room that belongs to its maker.
func (s *Server) makeRoom(w http.ResponseWriter, r *http.Request) error {
	v, err := s.writer(r, chat.Title)
	if err != nil {
		return err
	}
	if _, err := mediaType(r, typeJSON); err != nil {
		return err
	}
	var in makeRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	d, err := in.draft()
	if err != nil {
		return err
	}
	d.Key = r.Header.Get("Idempotency-Key")
	if d.Key != "" && d.Set.Access == chat.AccessPrivate {
		sum := sha256.Sum256([]byte("private " + v.user.ID + " " + d.Key))
		d.Room = chat.PrivateRoom(sum[:]) // a repeat finds it
	}
	_, _, err = s.write(r, v, d)
	if errors.Is(err, access.ErrExists) && v.made(r.Context(), d) {
		w.Header().Set("Idempotent-Replayed", "true")
		return s.showRoom(w, r, v, d.Room, http.StatusOK)
	}
	if err != nil {
		return err
	}
	return s.showRoom(w, r, v, d.Room, http.StatusCreated)
}

// made reports whether the user made that room by the same request before, whose
// answer may have been lost.
func (v visitor) made(ctx context.Context, d chat.Draft) bool {
	evs, err := v.since(ctx, d.Room, chat.ID{}, 1)
	return err == nil && len(evs) == 1 && d.Key != "" && evs[0].Set.Made && evs[0].KeyHash == chat.KeyHash(v.user.ID, d.Key) && evs[0].Text == strings.TrimSpace(d.Text)
}

func (in makeRequest) draft() (d chat.Draft, err error) {
	set := chat.Change{Made: true, Access: in.Access, Posting: in.Posting}
	if in.Slow != 0 {
		set.Slow = chat.Some(in.Slow)
	}
	if in.Retention != 0 {
		set.Retention = chat.Some(in.Retention)
	}
	if set.Access == "" {
		set.Access = chat.AccessOpen
	}
	d = chat.Draft{Kind: chat.Title, Text: in.Title, Set: set}
	if err := choosable(set.Access); err != nil {
		return d, err
	}
	d.Room, err = in.address(set.Access)
	return d, err
}

// choosable refuses what a room becomes in other ways, or never.
func choosable(a chat.Access) error {
	switch a {
	case "", chat.AccessOpen, chat.AccessUnlisted, chat.AccessPrivate:
		return nil
	}
	return fmt.Errorf("%w: access is open, unlisted or private", chat.ErrInvalid)
}

// address is where the room will be: at the address that was asked for, at one
// made of its title, or where nobody guesses it.
func (in makeRequest) address(a chat.Access) (chat.RoomID, error) {
	switch {
	case strings.TrimSpace(in.Title) == "" && (in.Room == "" || a == chat.AccessPrivate):
		return "", fmt.Errorf("%w: say a title", chat.ErrInvalid)
	case a == chat.AccessPrivate && in.Room != "":
		return "", fmt.Errorf("%w: the server makes the address of a private room: leave room out", chat.ErrInvalid)
	case a == chat.AccessPrivate:
		return chat.NewPrivateRoom(), nil
	case in.Room == "":
		room, err := chat.ParseRoom(addressOf(in.Title))
		if err != nil {
			return "", fmt.Errorf("%w: no address can be made of this title: say one as room", chat.ErrInvalid)
		}
		return room, nil
	}
	room, err := chat.ParseRoom(in.Room)
	if err == nil && room.Hidden() {
		err = fmt.Errorf("%w: addresses of this form the server makes itself: choose another", chat.ErrInvalid)
	}
	return room, err
}

// addressOf is a title as the name of a room: small letters, and one hyphen for
// what no name holds.
func addressOf(title string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(title)), func(c rune) bool {
		return !unicode.In(c, unicode.L, unicode.M, unicode.Nd)
	})
	name := []rune(strings.Join(words, "-"))
	return strings.TrimRight(string(name[:min(len(name), chat.MaxRoomID)]), "-")
}

// showRoom answers with a room and what the user is in it.
func (s *Server) showRoom(w http.ResponseWriter, r *http.Request, v visitor, room chat.RoomID, code int) error {
	out, err := v.roomAnswer(r, room)
	if err != nil {
		return err
	}
	w.Header().Set("Location", roomPath(room))
	return answer(w, code, out)
}

// roomAnswer is what the user may know of a room.
func (v visitor) roomAnswer(r *http.Request, room chat.RoomID) (out roomAnswer, err error) {
	f, err := v.standing(room)
	if err != nil {
		return out, err
	}
	out.Role = f.Role.String()
	if out.Room, err = v.room(r.Context(), room); err != nil || out.Access != chat.AccessDirect {
		return out, err
	}
	out.With, err = v.others(r.Context(), room)
	return out, err
}

// readChange reads what changes of a room.
func readChange(r *http.Request, d *chat.Draft) error {
	var in changeRequest
	if err := readPatch(r, &in); err != nil {
		return err
	}
	d.Set = chat.Change{Access: in.Access, Posting: in.Posting, Locked: in.Locked, Slow: in.Slow, Retention: in.Retention}
	if in.Title != nil {
		d.Text = *in.Title
	}
	switch {
	case in == changeRequest{}:
		return fmt.Errorf("%w: say a title, or an empty one to have none, or what else changes: access, posting, locked, slow or retention", chat.ErrInvalid)
	case in.Title != nil && *in.Title == "" && d.Set != chat.Change{}:
		return fmt.Errorf("%w: take the title away by itself", chat.ErrInvalid)
	}
	return choosable(in.Access)
}

// closes closes a room and erases it.
func closes(_ *http.Request, d *chat.Draft) error {
	d.Set.Access = chat.AccessClosed
	return nil
}
