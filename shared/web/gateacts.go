package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"confab/shared/access"
	"confab/shared/chat"
)

// This file belongs to the gate: see gate.go.

var errNoLine = fmt.Errorf("%w: that message is not in the room any more", chat.ErrNotFound)

var errNobodyModerates = fmt.Errorf("%w: nobody keeps this room in order whom a report could reach: nothing was sent; ask whoever runs this server", chat.ErrConflict)

// report tells those who keep a room in order of a line in it, each of them once
// whatever its reporter says later.
func (v visitor) report(ctx context.Context, room chat.RoomID, id chat.ID, reason string) error {
	line, err := v.line(ctx, room, id)
	if err != nil {
		return err
	}
	to, err := v.keepers(ctx, room)
	if err != nil {
		return err
	}
	for _, user := range to {
		_, _, err := v.rooms.Append(ctx, chat.NewReport(user, v.user, line, reason))
		if err != nil && !errors.Is(err, chat.ErrReused) { // it has another reason now
			return err
		}
	}
	return nil
}

// line is a message of a room that the user may read.
func (v visitor) line(ctx context.Context, room chat.RoomID, id chat.ID) (chat.Event, error) {
	evs, err := v.before(ctx, room, id.Next(), 1)
	if err != nil {
		return chat.Event{}, err
	}
	if len(evs) == 0 || evs[0].ID != id || evs[0].Kind != chat.Message {
		return chat.Event{}, errNoLine
	}
	return evs[0], nil
}

// keepers are the owners and moderators of a room, or the operators that this
// server knows where it has none.
func (v visitor) keepers(ctx context.Context, room chat.RoomID) (to []string, err error) {
	members, err := v.members(ctx, room)
	if err != nil {
		return nil, err
	}
	rank := func(m chat.Belonging) chat.Role { role, _ := chat.ParseRole(m.Role); return role }
	slices.SortStableFunc(members, func(a, b chat.Belonging) int { return cmp.Compare(rank(b), rank(a)) })
	for _, m := range members {
		if rank(m) >= chat.Moderator {
			to = append(to, m.User.ID)
		}
	}
	if len(to) == 0 {
		to = v.operators
	}
	if len(to) == 0 {
		return nil, errNobodyModerates
	}
	return to[:min(len(to), chat.MaxReportTo)], nil
}

// audit returns what was done to rooms and people, see [Rooms].
func (v visitor) audit(ctx context.Context, after chat.Opt[chat.ID], n int) ([]chat.Audited, error) {
	if err := v.check(access.Audit); err != nil {
		return nil, err
	}
	return v.rooms.Audit(ctx, after, n)
}
