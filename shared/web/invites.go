package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
)

const (
	invitePurpose = "invite"      // what its token is sealed for
	inviteFor     = 7 * 24 * 3600 // seconds that an invite is good if it does not say so
)

// Invites are the routes by which people are let into a room. Draw draws a link
// as SVG; it is given, and not imported, so that a function without these routes
// does not carry it.
func Invites(draw func(link string) (string, error)) Routes {
	return func(s *Server, mux *http.ServeMux) {
		mux.Handle("POST /r/{room}/invites", s.wrap(func(w http.ResponseWriter, r *http.Request) error { return s.invite(w, r, draw) }))
		mux.Handle("GET /r/{room}/invites", s.wrap(s.invites))
		mux.Handle("DELETE /r/{room}/invites/{invite}", s.wrap(s.revoke))
		mux.Handle("GET /join/{token}", s.wrap(s.invited))
		mux.Handle("POST /join/{token}", s.wrap(s.join))
	}
}

// invite makes a link that lets so many people into a room.
func (s *Server) invite(w http.ResponseWriter, r *http.Request, draw func(string) (string, error)) error {
	v, err := s.writer(r, chat.Title)
	if err != nil {
		return err
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	in, err := readInvite(r)
	if err != nil {
		return err
	}
	token, err := s.cfg.Users.Seal(invitePurpose, time.Until(time.UnixMilli(in.Until)), inviteToken{room, in.ID})
	if err != nil {
		return err
	}
	out := inviteAnswer{Invite: in, URL: s.base(r) + "/join/" + token}
	if out.QR, err = draw(out.URL); err != nil {
		return err
	}
	if _, _, err := s.write(r, v, chat.Draft{Room: room, Kind: chat.Title, Set: chat.Change{Invite: in}}); err != nil {
		return err
	}
	w.Header().Set("Location", roomPath(room)+"/invites/"+in.ID)
	return answer(w, http.StatusCreated, out)
}

// readInvite reads what an invite is to be good for.
func readInvite(r *http.Request) (in chat.Invite, err error) {
	var asked inviteRequest
	if err := readPatch(r, &asked); err != nil {
		return in, err
	}
	in = chat.Invite{ID: strings.ToLower(rand.Text())[:16], Role: cmp.Or(asked.Role, chat.Member.String()), Uses: cmp.Or(asked.Uses, 1)}
	seconds := cmp.Or(asked.Seconds, inviteFor)
	role, err := chat.ParseRole(in.Role)
	switch {
	case err != nil || role == chat.Guest:
		return in, fmt.Errorf("%w: a role is member, moderator or owner", chat.ErrInvalid)
	case in.Uses < 1 || in.Uses > chat.MaxUses:
		return in, fmt.Errorf("%w: uses is a number from 1 to %d", chat.ErrInvalid, chat.MaxUses)
	case seconds < 1 || seconds > chat.MaxInviteFor:
		return in, fmt.Errorf("%w: seconds is a number from 1 to %d", chat.ErrInvalid, chat.MaxInviteFor)
	}
	in.Until = time.Now().Add(time.Duration(seconds) * time.Second).UnixMilli()
	return in, nil
}

// invites answers with the invites into a room that are good, for its moderators.
func (s *Server) invites(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathRoom)
	if err != nil {
		return err
	}
	all, err := v.invites(withoutClientCancel(r).Context(), room)
	if err != nil {
		return err
	}
	return s.deliver(w, r, typeJSON, jsonLine(inviteList{append([]chat.Invite{}, all...)}))
}

// revoke takes an invite back.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	v, err := s.writer(r, chat.Title)
	if err != nil {
		return err
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	all, err := v.invites(r.Context(), room)
	if err != nil {
		return err
	}
	id := r.PathValue("invite")
	if !slices.ContainsFunc(all, func(in chat.Invite) bool { return in.ID == id }) {
		return fmt.Errorf("%w: there is no such invite, or it is not good any more", chat.ErrNotFound)
	}
	off := chat.Change{Invite: chat.Invite{ID: id, Off: true}}
	ev, _, err := s.write(r, v, chat.Draft{Room: room, Kind: chat.Title, Set: off, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, ev)
}

// invited answers with what an invite leads to: in a browser the page, which asks
// for a name first.
func (s *Server) invited(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if s.site != nil && accepts(r, typeJSON, typeHTML) == typeHTML {
		return s.site.index.serve(w, r)
	}
	v, err := s.visitor(r)
	if err != nil {
		return err
	}
	to, err := s.invitation(r, v)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", noStore)
	return answer(w, http.StatusOK, joinAnswer{to.room.ID, to.room.Title, to.invite.Role})
}

// join lets the user into the room of an invite. Whoever is in it already stays
// what they are, so that a request whose answer was lost is repeated.
func (s *Server) join(w http.ResponseWriter, r *http.Request) error {
	v, err := s.writer(r, chat.Standings)
	if err != nil {
		return err
	}
	to, err := s.invitation(r, v)
	if errors.Is(err, access.ErrInvite) && to.role > chat.Guest {
		return s.showRoom(w, r, v, to.room.ID, http.StatusOK)
	}
	if err != nil {
		return err
	}
	_, _, err = s.write(r, v, chat.Draft{
		Room: to.room.ID, Kind: chat.Standings,
		Member: chat.Standing{User: v.user, Role: to.invite.Role, Invite: to.invite.ID},
	})
	switch {
	case errors.Is(err, access.ErrHidden): // it was closed a moment ago
		return access.ErrInvite
	case err != nil && !errors.Is(err, access.ErrAlready):
		return err
	}
	return s.showRoom(w, r, v, to.room.ID, http.StatusOK)
}

// An inviteToken is what a link names. What the invite is good for is in the
// store.
type inviteToken struct {
	Room chat.RoomID `json:"room"`
	ID   string      `json:"id"`
}

// An invitation is where an invite leads its user.
type invitation struct {
	room   chat.Room
	invite chat.Invite
	role   chat.Role // that the user has there already
}

// invitation is that of the path's token. Every token that is not good, for
// whatever reason, has the same answer.
func (s *Server) invitation(r *http.Request, v visitor) (invitation, error) {
	var token inviteToken
	if err := s.cfg.Users.Unseal(invitePurpose, r.PathValue("token"), &token); err != nil {
		token = inviteToken{} // nothing is there
	}
	return v.invitation(withoutClientCancel(r).Context(), token.Room, token.ID)
}
