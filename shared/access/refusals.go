package access

import (
	"fmt"

	"confab/shared/chat"
)

// Why somebody may not do something in a room that has rules of its own. The
// texts are for the user.
var (
	// ErrHidden is the answer about a room to everybody who must not learn
	// whether it is there. It is the answer about what is not there.
	ErrHidden  = fmt.Errorf("%w: there is nothing at this address", chat.ErrNotFound)
	ErrBanned  = fmt.Errorf("%w: you are banned from this room", chat.ErrForbidden)
	ErrMuted   = fmt.Errorf("%w: you are muted in this room: you may read, and write again later", chat.ErrForbidden)
	ErrLocked  = fmt.Errorf("%w: the room is locked: only its moderators write now", chat.ErrForbidden)
	ErrPosting = fmt.Errorf("%w: in this room only some may write", chat.ErrForbidden)
	ErrRole    = fmt.Errorf("%w: your role in this room does not allow that", chat.ErrForbidden)
	ErrExists  = fmt.Errorf("%w: there is a room of that name: choose another", chat.ErrConflict)
	ErrFixed   = fmt.Errorf("%w: who may read this room cannot be changed in that way", chat.ErrConflict)
	ErrLast    = fmt.Errorf("%w: you are the only owner: make somebody else an owner first", chat.ErrConflict)
	ErrFull    = fmt.Errorf("%w: the room has as many members, bans or invites as it may", chat.ErrConflict)
	ErrInvite  = fmt.Errorf("%w: this invite is not good, or not any more: ask for another", chat.ErrGone)
	ErrAlready = fmt.Errorf("%w: that is so already", chat.ErrConflict)
	ErrNobody  = fmt.Errorf("%w: they do not belong to this room", chat.ErrNotFound)
)

// Refusals are the same by the words that an engine may have for them.
var Refusals = map[string]error{
	"hidden": ErrHidden, "banned": ErrBanned, "muted": ErrMuted, "locked": ErrLocked, "posting": ErrPosting,
	"role": ErrRole, "exists": ErrExists, "fixed": ErrFixed, "last": ErrLast, "full": ErrFull,
	"invite": ErrInvite, "already": ErrAlready, "nobody": ErrNobody,
}
