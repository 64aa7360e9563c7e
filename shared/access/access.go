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
	kind chat.Kind // of the event that it writes; empty: it writes none
}

// The actions that write no event.
var (
	List   = Action{name: "list"}   // see which rooms there are
	Read   = Action{name: "read"}   // read a room's events, and who is in it
	Signal = Action{name: "signal"} // let a signal pass by, such as typing
)

// Write is the action of writing an event of a kind.
func Write(kind chat.Kind) Action { return Action{name: "write", kind: kind} }

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
}

// May returns nil if the user may do that. The zero user is somebody without a
// session. Its errors are [chat.ErrUnauthorized], where a session may help, and
// [chat.ErrForbidden], where it does not; both are for the user to read.
func May(u chat.User, do Action, f Facts) error {
	if u.ID == "" {
		if f.GuestsRead && (do == Read || do == List) {
			return nil
		}
		return fmt.Errorf("%w: say your name first", chat.ErrUnauthorized)
	}
	if do.kind == "" {
		return nil
	}
	rule, ok := do.kind.Rule()
	switch {
	case !ok:
		return fmt.Errorf("%w: %q is no kind of event", chat.ErrInvalid, do.kind)
	case f.Role < rule.Role:
		return fmt.Errorf("%w: your role in this room does not allow that", chat.ErrForbidden)
	case rule.Own && f.Author != "" && f.Author != u.ID:
		return fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
	}
	return nil
}
