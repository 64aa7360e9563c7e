package chat

import (
	"fmt"
	"slices"
)

// A Role is what a user is in a room. A greater one may all that a lesser may.
type Role int

// The roles. Everybody who belongs to a room in no other way is a guest of it.
const (
	Guest Role = iota
	Member
	Moderator
	Owner
	// Operator is whoever runs the server: an owner everywhere. Nobody is given
	// that role in a room.
	Operator
)

var roleNames = []string{"guest", "member", "moderator", "owner", "operator"}

func (r Role) String() string { return roleNames[r] }

// ParseRole reads a role that can be given.
func ParseRole(s string) (Role, error) {
	i := slices.Index(roleNames[:Operator], s)
	if i < 0 {
		return Guest, fmt.Errorf("%w: a role is member, moderator or owner", ErrInvalid)
	}
	return Role(i), nil
}

// A Rule says what there is to know of one kind of event.
type Rule struct {
	Kind Kind
	// Target is the kind of event that this one is about. Empty: it is about
	// none, and a draft must not name one.
	Target Kind
	// Own says that only the author of the target may write it, and those of
	// the role Overrule on, if that is not [Guest].
	//
	// Decision: a moderator takes out any line, an owner's too, as in the chats
	// that people know. Ranks protect people from bans, not lines from deletion;
	// the event names who did it, and the owner may take the role away.
	Own      bool
	Overrule Role
	// Role is the least role of a user who may write it.
	Role Role
	// RemovesText says that the target's text, and that of everything which
	// replaced it, is taken out of the log.
	RemovesText bool
	// ReplacesText says that its text stands for the target's from now on.
	ReplacesText bool
	// Sets names the property of the room that its text becomes: "title".
	Sets string
	// MaxText is the most characters (code points) of its text. 0: it has none.
	MaxText int
	// OneLine says that its text has no line break, MayBeEmpty that it need
	// not have any.
	OneLine, MayBeEmpty bool
	// Posts says that it brings text before people, for which a room may ask
	// a role. Slowed says that a slow room has its author wait.
	Posts, Slowed bool
	// Always says that a lock and a mute do not keep it from being written.
	Always bool
	// Settles says that it changes what the room is, or who belongs to it, so
	// that more than its row decides who may write it: see package access.
	Settles bool
	// Reply and Emoji say that it may answer another event, and that it
	// carries an emoji, which may be taken back.
	Reply, Emoji bool
	// ByServer says that the server alone writes it, into the inbox of somebody
	// who has to hear of what happened elsewhere. Nobody drafts it.
	ByServer bool
}

// Claims reports whether its author has the name from then on.
func (r Rule) Claims() bool { return !r.RemovesText && !r.ByServer }

// Overruled reports whether somebody of that role may write it about what is
// another user's.
func (r Rule) Overruled(by Role) bool { return r.Overrule > Guest && by >= r.Overrule }

// Kinds is the table of kinds: one row for each kind of event. [Compose], the
// stores, the description of the routes and the page go by it, so that a new
// kind is a new row. Only a test writes to it.
//
// Decision: a table instead of a type for each kind. The append script of
// Redis needs the rules as plain values, and a type cannot be sent there.
var Kinds = []Rule{
	{Kind: Message, MaxText: MaxText, Reply: true, Posts: true, Slowed: true},
	{Kind: Edit, Target: Message, Own: true, ReplacesText: true, MaxText: MaxText, Posts: true},
	{Kind: Delete, Target: Message, Own: true, Overrule: Moderator, RemovesText: true, Always: true},
	{Kind: Reaction, Target: Message, Emoji: true},
	{Kind: Title, Sets: "title", MaxText: MaxTitle, OneLine: true, MayBeEmpty: true, Settles: true},
	{Kind: Standings, MaxText: MaxReason, OneLine: true, MayBeEmpty: true, Settles: true},
	{Kind: Notice, MaxText: MaxReason, OneLine: true, MayBeEmpty: true, ByServer: true},
}

// Rule returns the kind's row of the table. It reports false for what is no
// kind of event, such as a signal.
func (k Kind) Rule() (Rule, bool) {
	i := slices.IndexFunc(Kinds, func(r Rule) bool { return r.Kind == k })
	if i < 0 {
		return Rule{}, false
	}
	return Kinds[i], true
}
