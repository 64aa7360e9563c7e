// Package access decides who may do what in a room.
//
// It alone knows the rules, and it is pure: it reads no store and no request.
// Whoever asks brings the facts, which come with what is read anyway. The
// stores ask again where a fact can change between the question and the write
// (who wrote the target), so that nothing is decided by a stale answer.
package access

import (
	"fmt"

	"confab/shared/chat"
)

// An Action is something that a user does in a room.
type Action struct {
	name string
	kind chat.Kind  // of the event that it writes; empty: it writes none
	ev   chat.Event // the event, where it is known by now
}

// The actions that write no event.
var (
	List     = Action{name: "list"}     // see which rooms there are
	Read     = Action{name: "read"}     // read a room's events, and who is in it
	Audit    = Action{name: "audit"}    // read what was done to rooms and people, of all rooms
	Signal   = Action{name: "signal"}   // let a signal pass by, such as typing
	Moderate = Action{name: "moderate"} // see who is banned from a room, and its invites
	Join     = Action{name: "join"}     // see where an invite leads: whoever holds it may
)

// Write is the action of writing an event of a kind.
func Write(kind chat.Kind) Action { return Action{name: "write", kind: kind} }

// Append is the action of writing this very event.
func Append(ev chat.Event) Action { return Action{name: "write", kind: ev.Kind, ev: ev} }

// Writes reports whether the action writes an event, which the store judges
// again by the facts of that moment.
func (a Action) Writes() bool { return a.kind != "" }

func (a Action) String() string {
	if a.kind != "" {
		return a.name + " " + string(a.kind)
	}
	return a.name
}

// Facts are what has to be known to judge an action.
type Facts struct {
	// GuestsRead says that open rooms are read by those without a session.
	GuestsRead bool
	// Role is the user's role in the room.
	Role chat.Role
	// Author is the id of the user who wrote the event's target. Empty: it is
	// not known yet, and the store compares it when it appends the event.
	Author string

	// Complete says that what follows is known. Otherwise the store decides by it.
	Complete bool
	Room     Room
	Ban      chat.Banning // that is in force for the user
	Other    Other        // about an event of the kind member, or that came by an invite
}

// Room is what is known of a room itself. The zero value is one where nothing
// was said yet.
type Room struct {
	chat.Settings
	Exists  bool // something was said in it, or somebody made it
	Hidden  bool // its address is one that the server makes
	Inbox   bool // it has one reader, for whom alone it is there, and nobody writes in it: see [OfInbox]
	Owners  int
	Members int // owners and all
	Bans    int
	Invites int
}

// Ruled reports whether not everybody may read the room, and whoever may now may
// lose it.
func (r Room) Ruled() bool {
	return r.Hidden || r.Access != "" || r.Bans > 0
}

// Other is what is known of somebody whom an event is about.
type Other struct {
	Role   chat.Role
	Invite chat.Invite // by which they come, if it is good
	Banned bool
}

// May returns nil if the user may do that. The zero user is somebody without a
// session. Its errors are [chat.ErrUnauthorized], where a session may help,
// [chat.ErrForbidden], where it does not, and those of this package; all are for
// the user to read.
func May(u chat.User, do Action, f Facts) error {
	if f.Complete {
		if err := f.mayEnter(do); err != nil {
			return err
		}
		if f.Room.Inbox && do != Read {
			return ErrRole
		}
	}
	if u.ID == "" {
		if do == Join || f.GuestsRead && (do == Read || do == List) {
			return nil
		}
		return fmt.Errorf("%w: say your name first", chat.ErrUnauthorized)
	}
	if do == Audit && f.Role < chat.Operator {
		return fmt.Errorf("%w: this is for the operators of the server", chat.ErrForbidden)
	}
	if !do.Writes() {
		return f.mayWithoutEvent(do)
	}
	rule, ok := do.kind.Rule()
	switch {
	case !ok:
		return fmt.Errorf("%w: %q is no kind of event", chat.ErrInvalid, do.kind)
	case f.Role < rule.Role, rule.ByServer:
		return ErrRole
	case rule.Own && f.Author != "" && f.Author != u.ID && !rule.Overruled(f.Role):
		return fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
	case !f.Complete || do.ev.Kind == "":
		return nil
	case do.ev.Kind == chat.Title && do.ev.Set.Made:
		return f.mayMake(do.ev)
	}
	if err := f.mayWrite(rule); err != nil || !rule.Settles {
		return err
	}
	if do.ev.Kind == chat.Title {
		return f.maySet(do.ev.Set)
	}
	return f.mayRank(u, do.ev.Member)
}
