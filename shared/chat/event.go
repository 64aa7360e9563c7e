package chat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// A Kind says what an event or a signal is.
type Kind string

// The kinds of event. They have an id, are stored, and move the cursor.
const (
	Message  Kind = "message"
	Edit     Kind = "edit"     // Text replaces that of Target
	Delete   Kind = "delete"   // Target is gone from the log
	Reaction Kind = "reaction" // Emoji on Target, withdrawn when Off
	Title    Kind = "room"     // Text is the room's new title, Set what else changes of it

	// Standings tells of somebody's role or ban in the room, which Member says;
	// Text is the reason.
	Standings Kind = "member"

	// Notice tells one user, in their inbox, what Of is and why it concerns
	// them. Text is a room's title, or a reason, never what somebody said.
	Notice Kind = "notice"
)

// The kinds of signal. They have no id, are never stored, and move nobody's
// cursor.
const (
	Open     Kind = "open" // the first of a stream: of which rooms it is, and where it begins
	Typing   Kind = "typing"
	Presence Kind = "presence"
	Ping     Kind = "ping"
	Reset    Kind = "reset" // forget what was shown: it may have a hole; the last page follows
	Bye      Kind = "bye"   // the server ends the stream; come back with the cursor

	// Of one user, in all of their streams and in nobody else's:
	Grown Kind = "inbox" // their inbox has a notice of that id
	Read  Kind = "read"  // they have read a room up to that id, on one of their devices
)

// An Event is something that happened in a room and is written down.
//
// Decision: an event carries the id before it in its room, so that a gap shows
// without a counter and without asking the log.
type Event struct {
	Room   RoomID `json:"room"`
	ID     ID     `json:"id,omitzero"`
	Prev   ID     `json:"prev"`
	At     int64  `json:"at,omitempty"` // when it happened, Unix milliseconds, where the id does not say so
	Kind   Kind   `json:"kind"`
	By     User   `json:"by"`
	Text   string `json:"text,omitempty"`
	Target ID     `json:"target,omitzero"`
	Reply  ID     `json:"reply,omitzero"`
	Emoji  string `json:"emoji,omitempty"`
	Off    bool   `json:"off,omitempty"`

	Set    Change   `json:"set,omitzero"`    // room: what changes of it beside the title
	Member Standing `json:"member,omitzero"` // member: who is what from now on

	Notice About  `json:"notice,omitempty"` // notice: why it concerns its reader,
	Of     Source `json:"of,omitzero"`      // and what it tells of

	// AsOperator says that its author runs the server.
	AsOperator bool `json:"-"`

	// KeyHash is that of the author's idempotency key: it tells nobody else the
	// key, and by it a pending line finds its event.
	KeyHash string `json:"keyHash,omitempty"`
	Key     string `json:"-"` // on the way to the log, which does not show it
	From    string `json:"-"` // the network of its author, on the way there too: what it is counted by
}

// Shown is the event without what is only on the way to the log.
func (ev Event) Shown() Event {
	ev.Key, ev.From = "", ""
	return ev
}

// KeyHash stands for an idempotency key of a user wherever others read: the first
// 12 bytes of the SHA-256 of "<user's id> <key>", in hexadecimal. Whoever knows
// the key finds the event by it. It is empty for no key.
func KeyHash(user, key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(user + " " + key))
	return hex.EncodeToString(sum[:12])
}

// SetsTitle reports whether the event says the room's title: one that changes
// something else leaves the title as it is, unless it has one.
func (ev Event) SetsTitle() bool {
	return ev.Kind == Title && (ev.Text != "" || ev.Set == Change{})
}

// Time is when the event happened, by the clock of the store. Ids rise whatever
// that clock does: one that was ahead once leaves them ahead.
func (ev Event) Time() time.Time {
	if ev.At != 0 {
		return time.UnixMilli(ev.At)
	}
	return ev.ID.Time()
}

// A Signal is something that only passes by. Which fields it has depends on
// its kind.
type Signal struct {
	Room   RoomID   `json:"room,omitempty"`
	Kind   Kind     `json:"kind"`
	By     *User    `json:"by,omitempty"`     // typing
	Joined []User   `json:"joined,omitempty"` // presence
	Left   []User   `json:"left,omitempty"`   // presence
	Count  int      `json:"count,omitempty"`  // presence: people in the room now
	Now    int64    `json:"now,omitempty"`    // ping: the server's clock, Unix milliseconds
	ID     ID       `json:"id,omitzero"`      // inbox: of its last notice; read: of the last event that was read
	Inbox  ID       `json:"inbox,omitzero"`   // open: of the last notice in the reader's inbox
	Rooms  []RoomID `json:"rooms,omitempty"`  // open: those of the stream, in the cursor's order
	Cursor string   `json:"cursor,omitempty"` // open, reset: where the reader goes on
	Ping   int      `json:"ping,omitempty"`   // open: a ping comes after so many seconds without anything else
	Retry  int      `json:"retry,omitempty"`  // bye: come back after so many milliseconds
	Why    Why      `json:"why,omitempty"`    // bye: why the reader may not read the room that it names any more
}

// A Why is how somebody lost the right to read a room.
type Why string

const (
	WhyBanned  Why = "banned"
	WhyRemoved Why = "removed" // they left it, or are not a member any more
	WhyClosed  Why = "closed"  // the room was closed
)

// A Listener is told what happens in a room, one call at a time, in the order
// of the log. It must not block.
type Listener interface {
	Event(Line)
	Signal(Signal)
	// Reset says that the log broke off (trimmed, flushed, restored): it
	// goes on after last, and what was between is not known.
	Reset(last ID)
}

// JSON encodes an event or a signal as one compact line. Go's encoder writes
// U+2028 and every control character as an escape, so the line holds no line
// break of any kind; '<' and '&' stay as they are.
func JSON(v any) []byte {
	if l, ok := v.(Line); ok {
		return l.JSON
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // an Event and a Signal always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
