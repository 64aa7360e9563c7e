package bolt

import (
	"math"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// settleRights does what an event changes of its room's rights, in the
// transaction that writes it.
func (b *batch) settleRights(c *call, rule chat.Rule, rec *record, r *rights) error {
	if rule.Slowed && r.Slow > 0 {
		if err := b.putRight(rightKey(rec.number, spokeRight, c.ev.By.ID), b.now.UnixMilli()); err != nil {
			return err
		}
	}
	if !rule.Settles || c.ev.Set == (chat.Change{}) && c.ev.Member == (chat.Standing{}) {
		return nil
	}
	err := b.change(c.ev, rec, r)
	if err == nil && c.ev.Kind == chat.Standings {
		err = b.rank(c.ev, rec.number, r)
	}
	if err != nil {
		return err
	}
	r.ruled = true
	return b.putRight(rightKey(rec.number, settingsRight, ""), r)
}

// checkSlow refuses a line in a slow room of a user who said one so recently.
func (b *batch) checkSlow(c *call, rule chat.Rule, number uint32, r *rights) error {
	if !rule.Slowed || r.Slow == 0 || r.role >= chat.Moderator {
		return nil
	}
	var spoke int64
	found, err := readRight(b.rights, rightKey(number, spokeRight, c.ev.By.ID), &spoke)
	last := time.UnixMilli(spoke)
	switch {
	case err != nil:
		return c.unavailable(err)
	case !found || last.After(b.now): // the clock was set back
		return nil
	}
	return store.Slow(last.Add(time.Duration(r.Slow) * time.Second).Sub(b.now))
}

// forgetSpoken forgets who spoke so long ago that no room is as slow.
func (b *batch) forgetSpoken(number uint32) error {
	for _, key := range keysWith(b.rights, rightKey(number, spokeRight, ""), math.MaxInt) {
		var spoke int64
		if _, err := readRight(b.rights, key, &spoke); err != nil {
			return err
		}
		if b.now.Sub(time.UnixMilli(spoke)) > chat.MaxSlow*time.Second {
			if err := b.rights.Delete(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// change applies what an event says of the room.
func (b *batch) change(ev chat.Event, rec *record, r *rights) error {
	if ev.Set.Access == chat.AccessClosed {
		return b.closeRoom(ev, rec, r)
	}
	again := ev.Set.Made && r.Access == chat.AccessDirect
	if ev.Set.Made && !again {
		*r = rights{role: r.role, other: r.other}
	}
	r.Settings = ev.Set.Apply(r.Settings)
	if ev.Set.Slow.Given {
		if err := b.forgetSpoken(rec.number); err != nil {
			return err
		}
	}
	if r.Retention > 0 {
		b.store.forgets.Store(true)
	}
	if ev.Set.Made {
		if err := b.firstMembers(ev, rec.number, r); err != nil {
			return err
		}
	}
	if in := ev.Set.Invite; in.ID != "" {
		return b.putInvite(in, rec.number, r)
	}
	return nil
}

// firstMembers gives a room that was made its owner, or its people if it is a
// direct one.
func (b *batch) firstMembers(ev chat.Event, number uint32, r *rights) error {
	if r.Access != chat.AccessDirect {
		return b.putMember(ev.By, chat.Owner, number, r)
	}
	for _, u := range ev.Set.With.Users() {
		if err := b.putMember(u, chat.Member, number, r); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) putInvite(in chat.Invite, number uint32, r *rights) error {
	key := rightKey(number, inviteRight, in.ID)
	there := b.rights.Get(key) != nil
	switch {
	case in.Off && there:
		r.Invites--
		return b.rights.Delete(key)
	case in.Off:
		return nil
	case !there:
		r.Invites++
	}
	if r.Invites > chat.MaxInvites {
		n, err := b.dropOverdue(number, inviteRight)
		if r.Invites -= n; err != nil {
			return err
		}
	}
	return b.putRight(key, in)
}

// putMember gives somebody a role; that of a guest takes it away.
func (b *batch) putMember(u chat.User, role chat.Role, number uint32, r *rights) error {
	old, err := readRole(b.rights, number, u.ID)
	if err != nil {
		return err
	}
	count := func(role chat.Role, n int) {
		if role > chat.Guest {
			r.Members += n
		}
		if role == chat.Owner {
			r.Owners += n
		}
	}
	count(old, -1)
	count(role, 1)
	key := rightKey(number, memberRight, u.ID)
	if role == chat.Guest {
		return b.rights.Delete(key)
	}
	return b.putRight(key, chat.Belonging{User: u, Role: role.String()})
}

// rank applies what an event says of somebody.
func (b *batch) rank(ev chat.Event, number uint32, r *rights) error {
	m := ev.Member
	if m.Ban == "" {
		role, err := chat.ParseRole(m.Role)
		if err != nil {
			return err
		}
		if err := b.useInvite(m.Invite, number, r); err != nil {
			return err
		}
		if role > chat.Guest { // who is let in is not banned any more
			if err := b.unban(m.User.ID, number, r); err != nil {
				return err
			}
		}
		return b.putMember(m.User, role, number, r)
	}
	if err := b.unban(m.User.ID, number, r); err != nil || m.Ban == chat.Unban {
		return err
	}
	if m.Ban == chat.Banned {
		if err := b.putMember(m.User, chat.Guest, number, r); err != nil {
			return err
		}
	}
	if r.Bans++; r.Bans > chat.MaxBans {
		n, err := b.dropOverdue(number, banRight)
		if r.Bans -= n; err != nil {
			return err
		}
	}
	ban := chat.Banning{User: m.User, Ban: m.Ban, Until: m.Until, Reason: ev.Text, By: ev.By}
	return b.putRight(rightKey(number, banRight, m.User.ID), ban)
}

func (b *batch) dropOverdue(number uint32, of byte) (int, error) {
	keys, err := b.overdue(number, of)
	for _, key := range keys {
		if err := b.rights.Delete(key); err != nil {
			return 0, err
		}
	}
	return len(keys), err
}

func (b *batch) unban(user string, number uint32, r *rights) error {
	key := rightKey(number, banRight, user)
	if b.rights.Get(key) == nil {
		return nil
	}
	r.Bans--
	return b.rights.Delete(key)
}

// useInvite has an invite let in one fewer.
func (b *batch) useInvite(id string, number uint32, r *rights) error {
	if id == "" {
		return nil
	}
	in := r.other.Invite
	if in.Uses--; in.Uses > 0 {
		return b.putRight(rightKey(number, inviteRight, id), in)
	}
	r.Invites--
	return b.rights.Delete(rightKey(number, inviteRight, id))
}

// closeRoom erases all of a room but the event that closed it.
func (b *batch) closeRoom(ev chat.Event, rec *record, r *rights) error {
	kept := logKey(rec.number, ev.ID)
	for _, key := range keysWith(b.log, roomKey(rec.number), math.MaxInt) {
		if string(key) == string(kept) {
			continue
		}
		if err := b.remove(rec, key); err != nil {
			return err
		}
	}
	for _, key := range keysWith(b.edits, roomKey(rec.number), math.MaxInt) {
		if err := b.edits.Delete(key); err != nil {
			return err
		}
	}
	for _, key := range keysWith(b.rights, roomKey(rec.number), math.MaxInt) {
		if err := b.rights.Delete(key); err != nil {
			return err
		}
	}
	rec.title = ""
	*r = rights{Settings: chat.Settings{Access: chat.AccessClosed}}
	return nil
}
