package web

import (
	"context"

	"confab/shared/chat"
)

// enroller is who made somebody a member because of a proof. The name is one
// that nobody can say.
var enroller = chat.User{ID: "u_sign-in", Name: "Confab"}

// enroll makes a user a member of rooms, by a role, because somebody said so
// whom the operator trusts. A greater role stays, a ban stays, and a room that
// is not there is not made.
func (g *gate) enroll(ctx context.Context, u chat.User, role chat.Role, rooms []chat.RoomID) error {
	if len(rooms) == 0 {
		return nil
	}
	facts, err := g.rooms.Facts(ctx, u.ID, rooms...)
	if err != nil {
		return err
	}
	for i, f := range facts {
		if !f.Room.Exists || f.Room.Access == chat.AccessClosed || f.Role >= role || f.Ban.Ban == chat.Banned {
			continue
		}
		ev, err := chat.Compose(chat.Draft{Room: rooms[i], Kind: chat.Standings, Member: chat.Standing{User: u, Role: role.String()}}, enroller)
		if err != nil {
			return err
		}
		ev.AsOperator = true
		if _, _, err := g.rooms.Append(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}
