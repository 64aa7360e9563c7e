package chat

// An Audited is an event by which somebody changed a room, or what others are or
// said in it: one of the kinds room and member, or a moderator's deletion.
type Audited struct {
	At    ID // its place among those of all rooms; the event's id is of its room
	Event Event
}

// Audits reports whether events of a kind are audited: always, or where the
// target is another user's.
func (r Rule) Audits() (always, overruling bool) { return r.Settles, r.Overrule > Guest }
