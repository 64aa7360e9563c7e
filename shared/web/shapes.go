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

// A titleRequest gives a room a title, or takes it away.
type titleRequest struct {
	Title *string `json:"title"` // empty: the room has none from now on; nil: it was not said
}

// A loginAnswer says who somebody is from now on.
type loginAnswer struct {
	User  chat.User `json:"user"`
	Token string    `json:"token,omitempty"`
}

// A pollAnswer is what happened after a cursor.
type pollAnswer struct {
	Events []json.RawMessage `json:"events"` // events and signals
	Cursor string            `json:"cursor"`
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
