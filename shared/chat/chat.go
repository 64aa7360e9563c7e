// Package chat is the language of the project: rooms, users, drafts, events,
// ids and cursors, the rules that they keep, and the kinds of error.
//
// It does no I/O and knows no transport, no Redis and no runtime. The other
// packages talk to each other in its words.
package chat

// The limits of what a person may send. An operator's limits (rates, streams)
// are configuration; these are the language.
const (
	MaxText      = 4000 // characters (code points) of one message
	MaxTitle     = 80   // characters of a room's title
	MaxName      = 32   // graphemes of a user's name
	MaxKey       = 128  // bytes of an idempotency key, printable ASCII
	MaxMarks     = 8    // combining marks on one letter, in a row: Tibetan needs 5, more only paint over other lines
	MaxEmoji     = 64   // bytes of a reaction: one grapheme, such as a family with skin tones
	MaxReactions = 20   // different emoji on one message
	MaxRoomID    = 63   // characters (code points) of a room's name, and so at most four times as many bytes
)

// A User is somebody with a session. The ID is made at login and stays with the
// session; the name is what others see. A name is not an identity: anybody may
// take it once nobody of that name is around.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A Room is what is known of a room besides its log.
type Room struct {
	ID     RoomID `json:"room"`
	Title  string `json:"title"`
	Last   ID     `json:"last"`
	People int    `json:"people"`
	Settings
}
