package chat

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// The limits of an inbox.
const (
	MaxInbox     = 1_000 // notices that an inbox keeps, about; a server's history may be shorter
	MaxMentions  = 20    // people whom one line calls
	MaxReadMarks = 1_000 // rooms in which it is kept how far a user has read
)

// About says why a notice concerns its reader.
type About string

const (
	AboutDirect  About = "direct"  // somebody began to write to them alone
	AboutInvite  About = "invite"  // they are a member of a room that they could not see before
	AboutMention About = "mention" // a line names them
	AboutReply   About = "reply"   // a line answers one of theirs
	AboutBan     About = "ban"     // they were banned, or are not any more
	AboutMute    About = "mute"
	AboutRole    About = "role" // their role in a room is another
	AboutReport  About = "report"
	AboutHeld    About = "held"
)

// A Source is an event of which people hear elsewhere.
type Source struct {
	Room RoomID `json:"room"`
	ID   ID     `json:"id"`
}

// A Task is an event that has to be told to people outside of its room.
type Task struct {
	Source
	Was     Role   // of whom the event is about, before it
	Receipt string // what the store knows the task by
}

// Concerns reports whether people may have to hear of the event outside of its
// room. An edit tells nobody: who was named in the first text has heard of it.
func (ev Event) Concerns() bool {
	switch ev.Kind {
	case Message:
		return !ev.Reply.IsZero() || strings.Contains(ev.Text, "@")
	case Standings:
		return ev.Member.User.ID != ev.By.ID
	case Title:
		return ev.Set.Made && ev.Set.With != ""
	}
	return false
}

// NewNotice tells a user of an event. It has the same key whenever it is made, so
// that a store that has it does not take it again. It does not hold what the
// event says: that may be deleted.
func NewNotice(user string, about About, of Event, text string) Event {
	sum := sha256.Sum256([]byte(string(of.Room) + " " + of.ID.String() + " " + string(about)))
	return Event{
		Room: Inbox(user), Kind: Notice, By: of.By, Text: text, Member: of.Member,
		Notice: about, Of: Source{of.Room, of.ID}, Key: base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
}

// NewReport tells a moderator that somebody finds fault with a line. A key is its
// author's, so however often one user reports a line, it is the same report.
func NewReport(moderator string, by User, of Event, reason string) Event {
	return NewNotice(moderator, AboutReport, Event{Room: of.Room, ID: of.ID, By: by}, reason)
}

var inboxPattern = regexp.MustCompile(`^@[\w.:@-]{1,128}$`)

// ParseInbox reads the address of an inbox.
func ParseInbox(s string) (RoomID, error) {
	if !inboxPattern.MatchString(s) {
		return "", fmt.Errorf("%w: an inbox is @ and the id of its user", ErrInvalid)
	}
	return RoomID(s), nil
}
