package web

import (
	"encoding/json"

	"confab/shared/chat"
)

// The JSON bodies that web reads and writes beside those of package chat. The
// schemas of public/openapi.json are made from these types: see the test
// TestSchemasAreMadeFromTheTypes.

// A postRequest is a message as it is sent.
type postRequest struct {
	Room    string  `json:"room,omitempty"`
	Text    string  `json:"text,omitempty"`
	Message string  `json:"message,omitempty"` // what some clients call the text
	Reply   chat.ID `json:"reply,omitzero"`
	Key     string  `json:"key,omitempty"`
}

// An editRequest replaces the text of a message.
type editRequest struct {
	Text string `json:"text"`
}

// A changeRequest changes a room: its title, or what else is said.
type changeRequest struct {
	Title     *string        `json:"title,omitempty"` // empty: the room has none from now on; nil: it was not said
	Access    chat.Access    `json:"access,omitempty"`
	Posting   chat.Posting   `json:"posting,omitempty"`
	Locked    chat.Opt[bool] `json:"locked,omitzero"`
	Slow      chat.Opt[int]  `json:"slow,omitzero"`
	Retention chat.Opt[int]  `json:"retention,omitzero"`
}

// A makeRequest makes a room that its maker owns.
type makeRequest struct {
	Title     string       `json:"title,omitempty"`
	Room      string       `json:"room,omitempty"`
	Access    chat.Access  `json:"access,omitempty"`
	Posting   chat.Posting `json:"posting,omitempty"`
	Slow      int          `json:"slow,omitempty"`
	Retention int          `json:"retention,omitempty"`
}

// A roomAnswer is a room, and what its reader is in it.
type roomAnswer struct {
	chat.Room
	Role string      `json:"role"`
	With []chat.User `json:"with,omitempty"` // the others of a direct room
}

// A roleRequest gives somebody a role.
type roleRequest struct {
	Role string `json:"role"`
}

// A memberList is who belongs to a room.
type memberList struct {
	Room    roomAnswer       `json:"room"`
	You     you              `json:"you"`
	Members []chat.Belonging `json:"members"`
	More    bool             `json:"more"` // after the last of them
}

// You is what the reader of a room is in it.
type you struct {
	Role   string   `json:"role"`
	Ban    chat.Ban `json:"ban,omitempty"`
	Until  int64    `json:"until,omitempty"` // of the ban, Unix milliseconds; 0: for good
	Reason string   `json:"reason,omitempty"`
}

// A banRequest keeps somebody from writing, or from reading too.
type banRequest struct {
	Seconds int    `json:"seconds,omitempty"` // 0: for good
	Mute    bool   `json:"mute,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Erase   int    `json:"erase,omitempty"`
}

// A banAnswer is the event of a ban, and how many lines it took out.
type banAnswer struct {
	chat.Event
	Erased int `json:"erased"`
}

// An inviteRequest says whom an invite is to let in. What it leaves out, or has
// as 0, is a member, one, and seven days.
type inviteRequest struct {
	Role    string `json:"role,omitempty"`
	Uses    int    `json:"uses,omitempty"`
	Seconds int    `json:"seconds,omitempty"`
}

// An inviteAnswer is an invite and its link.
type inviteAnswer struct {
	chat.Invite
	URL string `json:"url"`
	QR  string `json:"qr"` // the link, as SVG
}

// An inviteList is the invites into a room.
type inviteList struct {
	Invites []chat.Invite `json:"invites"`
}

// A joinAnswer is where an invite leads.
type joinAnswer struct {
	Room  chat.RoomID `json:"room"`
	Title string      `json:"title"`
	Role  string      `json:"role"`
}

// A directRequest names those with whom somebody wants to be alone.
type directRequest struct {
	Users []string    `json:"users"`
	Room  chat.RoomID `json:"room,omitempty"` // in which they are known by their names; empty: the lobby
}

// A banList is who is banned from a room.
type banList struct {
	Bans []chat.Banning `json:"bans"`
}

// A loginAnswer says who somebody is from now on.
type loginAnswer struct {
	User     chat.User `json:"user"`
	Token    string    `json:"token,omitempty"`
	Recovery string    `json:"recovery,omitempty"` // the next code, after one was used
}

// A pollAnswer is what happened after a cursor.
type pollAnswer struct {
	Events []json.RawMessage `json:"events"` // events and signals
	Cursor string            `json:"cursor"`
	Inbox  chat.ID           `json:"inbox,omitzero"` // the last notice for the user
}

// A roomList is what is known of some rooms.
type roomList struct {
	Rooms []chat.Room `json:"rooms"`
}

// A peopleList is who is in a room.
type peopleList struct {
	People []chat.User `json:"people"`
}

// A health says how the process does.
type health struct {
	Status string `json:"status"`
}

// A readRequest says how far somebody has read.
type readRequest struct {
	ID chat.ID `json:"id"`
}

// A readMark is how far somebody has read a room; 0-0 where nothing was.
type readMark struct {
	Room chat.RoomID `json:"room"`
	ID   chat.ID     `json:"id"`
}

// ReadMarks are how far somebody has read all rooms.
type readMarks struct {
	Read map[chat.RoomID]chat.ID `json:"read"`
}

// A reportRequest says what is wrong with a line.
type reportRequest struct {
	Reason string `json:"reason,omitempty"`
}

// A reportAnswer says that those who keep the room in order hear of it.
type reportAnswer struct{}

// An auditAnswer is what was done to rooms and people.
type auditAnswer struct {
	Events []chat.Event `json:"events"`
	Cursor chat.ID      `json:"cursor"` // after which one asks for more
}
