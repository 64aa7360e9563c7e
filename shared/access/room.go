package access

import (
	"fmt"
	"time"

	"confab/shared/chat"
)

// The rules of a room that somebody made. The append script of Redis has the
// same, in rights.lua and settle.lua: a test gives both the same questions.

// mayEnter refuses those for whom the room is not there, and those who are
// banned from it.
func (f Facts) mayEnter(do Action) error {
	made := do.ev.Set.Made
	switch {
	case f.Room.Inbox && !f.Room.Exists:
		return ErrHidden
	case f.Role == chat.Operator && f.Room.Exists && f.Room.Access != chat.AccessClosed:
		return nil
	case f.Room.Access == chat.AccessClosed && !made:
		return ErrHidden
	case f.Room.Hidden && !f.Room.Exists && !made && do.ev.Member.Invite == "":
		return ErrHidden
	case f.hidden() && f.Role == chat.Guest && !made && do.ev.Member.Invite == "":
		return ErrHidden
	case f.Ban.Ban != chat.Banned || made:
		return nil
	case do.ev.Member.Invite != "":
		return ErrInvite
	}
	return f.banned()
}

// mayWithoutEvent judges what writes nothing.
func (f Facts) mayWithoutEvent(do Action) error {
	switch {
	case !f.Complete:
		return nil
	case do == Signal:
		return f.mayWrite(chat.Rule{Posts: true})
	case do == Moderate && f.Role < chat.Moderator:
		return ErrRole
	}
	return nil
}

// hidden reports whether strangers must not learn that the room is there.
func (f Facts) hidden() bool {
	return f.Room.Access.Hidden() || f.Room.Hidden && f.Room.Access == ""
}

// banned is why somebody is banned, and until when.
func (f Facts) banned() error {
	err := ErrBanned
	if f.Ban.Until > 0 {
		err = fmt.Errorf("%w until %s", err, time.UnixMilli(f.Ban.Until).UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if f.Ban.Reason != "" {
		err = fmt.Errorf("%w: %s", err, f.Ban.Reason)
	}
	return err
}

// mayWrite goes by what holds for a kind of event in the room now.
func (f Facts) mayWrite(rule chat.Rule) error {
	switch {
	case f.Ban.Ban == chat.Mute && !rule.Always && f.Role < chat.Operator:
		return ErrMuted
	case f.Room.Locked && !rule.Always && f.Role < chat.Moderator:
		return ErrLocked
	case rule.Posts && f.Role < f.Room.Posting.Role():
		return ErrPosting
	}
	return nil
}

// mayMake refuses to make a room where there is one. The people of a direct
// room may be called together again.
func (f Facts) mayMake(ev chat.Event) error {
	direct := f.Room.Access == chat.AccessDirect && ev.Set.Access == chat.AccessDirect
	if f.Room.Exists && f.Room.Access != chat.AccessClosed && !direct {
		return ErrExists
	}
	return nil
}

// maySet judges a change of the room's settings, or of its title where the
// change is the zero one.
func (f Facts) maySet(set chat.Change) error {
	switch {
	case f.Room.Access == chat.AccessDirect && set != chat.Change{}:
		return ErrFixed
	case f.Role < f.settingRole(set):
		return ErrRole
	case set.Access == "" || set.Access == chat.AccessClosed:
	case set.Access == chat.AccessDirect || set.Access.Hidden() != f.Room.Access.Hidden():
		return ErrFixed
	}
	if in := set.Invite; in.ID != "" && !in.Off {
		role, err := chat.ParseRole(in.Role)
		switch {
		case err != nil || role == chat.Guest || role >= f.Role && f.Role < chat.Owner:
			return ErrRole
		case f.Room.Invites >= chat.MaxInvites:
			return ErrFull
		}
	}
	return nil
}

// settingRole is the least role for a change. Moderators keep a room in order;
// all else, with what is added later, is for owners.
func (f Facts) settingRole(set chat.Change) chat.Role {
	if set == (chat.Change{}) {
		switch f.Room.Access {
		case "": // nobody made it
			return chat.Guest
		case chat.AccessDirect: // its people are all alike
			return chat.Member
		}
	}
	set.Locked, set.Slow, set.Invite = chat.Opt[bool]{}, chat.Opt[int]{}, chat.Invite{}
	if set != (chat.Change{}) {
		return chat.Owner
	}
	return chat.Moderator
}

// mayRank judges what an event of the kind member says of somebody.
func (f Facts) mayRank(u chat.User, m chat.Standing) error {
	switch {
	case m.Ban != "":
		return f.mayBan(u, m)
	case m.Invite != "":
		return f.mayJoin(u, m)
	case m.User.ID == u.ID:
		return f.mayLower(m)
	}
	role, err := chat.ParseRole(m.Role)
	switch {
	case f.Room.Access == chat.AccessDirect:
		return ErrFixed
	case f.Role < chat.Moderator, err != nil, f.Role == chat.Moderator && (role > chat.Member || f.Other.Role > chat.Member):
		return ErrRole
	case role == f.Other.Role && role == chat.Guest:
		return ErrNobody
	case role == f.Other.Role:
		return ErrAlready
	case f.Other.Role == chat.Owner && f.Room.Owners < 2:
		return ErrLast
	case f.Other.Role == chat.Guest && f.Room.Members >= chat.MaxMembers:
		return ErrFull
	}
	return nil
}

// mayLower judges what somebody says of themselves: nobody raises themselves.
func (f Facts) mayLower(m chat.Standing) error {
	role, err := chat.ParseRole(m.Role)
	switch {
	case err != nil, role > f.Other.Role:
		return ErrRole
	case role == f.Other.Role && role == chat.Guest:
		return ErrNobody
	case role == f.Other.Role:
		return ErrAlready
	case f.Room.Access == chat.AccessDirect && role != chat.Guest:
		return ErrFixed
	case f.Other.Role == chat.Owner && f.Room.Owners < 2:
		return ErrLast
	}
	return nil
}

func (f Facts) mayBan(u chat.User, m chat.Standing) error {
	switch {
	case f.Room.Access == chat.AccessDirect:
		return ErrFixed
	case f.Role < chat.Moderator, m.User.ID == u.ID, m.Ban != chat.Unban && f.Other.Role >= f.Role:
		return ErrRole
	case m.Ban == chat.Unban && !f.Other.Banned:
		return ErrNobody
	case m.Ban != chat.Unban && !f.Other.Banned && f.Room.Bans >= chat.MaxBans:
		return ErrFull
	}
	return nil
}

// mayJoin judges coming by an invite.
func (f Facts) mayJoin(u chat.User, m chat.Standing) error {
	role, err := chat.ParseRole(f.Other.Invite.Role)
	switch {
	case err != nil, f.Other.Invite.ID == "", m.User.ID != u.ID, m.Role != f.Other.Invite.Role:
		return ErrInvite
	case f.Other.Role >= role:
		return ErrAlready
	case f.Other.Role == chat.Guest && f.Room.Members >= chat.MaxMembers:
		return ErrFull
	}
	return nil
}
