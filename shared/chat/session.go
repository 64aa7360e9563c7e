package chat

// A Session is one device on which a user is signed in.
type Session struct {
	ID     string `json:"id"`
	Device string `json:"device,omitempty"` // what the device says that it is
	Made   int64  `json:"made,omitempty"`   // when it signed in, Unix milliseconds
	Used   int64  `json:"used,omitempty"`   // when it was used last, about
	// Generation is how often its user had signed out everywhere before.
	Generation int `json:"-"`
	// Operator says that its user runs the server. The token alone says it.
	Operator bool `json:"-"`
}

// MaxSessions is how many sessions of a user are listed. Beyond them those that
// were used last are.
const MaxSessions = 64

// A SignOut is that sessions of a user were ended.
type SignOut struct {
	User string
	At   int64 // by the store's clock, Unix milliseconds
}
