package chat

import "slices"

// A Role is what a user is in a room. A greater one may all that a lesser may.
type Role int

// The roles. Everybody who belongs to a room in no other way is a guest of it.
const (
	Guest Role = iota
	Member
	Moderator
	Owner
)

// A Rule says what there is to know of one kind of event.
type Rule struct {
	Kind Kind
	// Target is the kind of event that this one is about. Empty: it is about
	// none, and a draft must not name one.
	Target Kind
	// Own says that only the author of the target may write it.
	Own bool
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
	// Reply and Emoji say that it may answer another event, and that it
	// carries an emoji, which may be taken back.
	Reply, Emoji bool
}

// Kinds is the table of kinds: one row for each kind of event. [Compose], the
// stores, the description of the routes and the page go by it, so that a new
// kind is a new row. Only a test writes to it.
//
// Decision: a table instead of a type for each kind. The append script of
// Redis needs the rules as plain values, and a type cannot be sent there.
var Kinds = []Rule{
	{Kind: Message, MaxText: MaxText, Reply: true},
	{Kind: Edit, Target: Message, Own: true, ReplacesText: true, MaxText: MaxText},
	{Kind: Delete, Target: Message, Own: true, RemovesText: true},
	{Kind: Reaction, Target: Message, Emoji: true},
	{Kind: Title, Sets: "title", MaxText: MaxTitle, OneLine: true, MayBeEmpty: true},
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
