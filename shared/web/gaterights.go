package web

import (
	"context"
	"slices"

	"confab/shared/access"
	"confab/shared/chat"
)

// What the gate knows of who belongs to a room.

// members returns who belongs to a room.
func (v visitor) members(ctx context.Context, room chat.RoomID) ([]chat.Belonging, error) {
	if err := v.mayRead(room); err != nil {
		return nil, err
	}
	return v.rooms.Members(ctx, room)
}

// bans returns who is banned from a room, or mute in it.
func (v visitor) bans(ctx context.Context, room chat.RoomID) ([]chat.Banning, error) {
	if err := v.check(access.Moderate, room); err != nil {
		return nil, err
	}
	return v.rooms.Bans(ctx, room)
}

// invites returns the invites into a room that are good.
func (v visitor) invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error) {
	if err := v.check(access.Moderate, room); err != nil {
		return nil, err
	}
	return v.rooms.Invites(ctx, room)
}

// invitation is where an invite leads the user, or else [access.ErrInvite] with
// what the user is in the room already.
func (v visitor) invitation(ctx context.Context, room chat.RoomID, id string) (to invitation, err error) {
	if err := v.check(access.Join); err != nil {
		return to, err
	}
	if room == "" {
		return to, access.ErrInvite
	}
	facts, err := v.facts([]chat.RoomID{room})
	if err != nil {
		return to, err
	}
	to.room.ID, to.role = room, facts[0].Role
	all, err := v.rooms.Invites(ctx, room)
	if err != nil {
		return to, err
	}
	i := slices.IndexFunc(all, func(in chat.Invite) bool { return in.ID == id })
	if i < 0 || facts[0].Ban.Ban == chat.Banned || facts[0].Room.Access == chat.AccessClosed {
		return to, access.ErrInvite
	}
	rooms, err := v.rooms.Rooms(ctx, room)
	if err != nil {
		return to, err
	}
	to.room, to.invite = rooms[0], all[i]
	return to, nil
}

// among reports whether a direct room is there, whose address says that the user
// is one of its people, and who of them is in it.
func (v visitor) among(ctx context.Context, room chat.RoomID) (there bool, members []chat.Belonging, err error) {
	if err := v.check(access.Write(chat.Title)); err != nil {
		return false, nil, err
	}
	facts, err := v.facts([]chat.RoomID{room})
	if err == nil && facts[0].Room.Access == chat.AccessDirect {
		members, err = v.rooms.Members(ctx, room)
		return true, members, err
	}
	return false, nil, err
}

// standing is what is known of the user in a room that they may read.
func (v visitor) standing(room chat.RoomID) (access.Facts, error) {
	facts, err := v.facts([]chat.RoomID{room})
	if err != nil {
		return access.Facts{}, err
	}
	return facts[0], v.may(v.user, access.Read, facts[0])
}
