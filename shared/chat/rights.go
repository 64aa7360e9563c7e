package chat

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
)

// The limits of a room that somebody made.
const (
	MaxMembers   = 10_000
	MaxBans      = 1_000          // bans and mutes of one room
	MaxInvites   = 100            // invites of one room that are good
	MaxUses      = 10_000         // people whom one invite lets in
	MaxInviteFor = 30 * 24 * 3600 // seconds that an invite is good
	MaxBanFor    = 10 * 365 * 24 * 3600
	MaxSlow      = 6 * 3600 // seconds between two lines of one user
	MaxRetention = 10 * 365 * 24 * 3600
	MinRetention = 60
	MaxAudit     = 10_000 // events that the audit keeps of each of the store's parts, about
	MaxReportTo  = 20     // people who hear of one report
	MaxReason    = 200    // characters of why somebody was banned, or a line reported
	MaxDirect    = 8      // people of a direct room
)

// An Access says who may read a room. Empty: it is as open as a room that
// nobody made.
type Access string

const (
	AccessOpen     Access = "open"     // everybody reads it, and it is listed
	AccessUnlisted Access = "unlisted" // everybody reads it who knows its address
	AccessPrivate  Access = "private"  // its members
	AccessDirect   Access = "direct"   // a few people, and nobody else ever
	AccessClosed   Access = "closed"   // nobody: it was closed and erased
)

// Hidden reports whether strangers must not learn that such a room is there.
func (a Access) Hidden() bool { return a == AccessPrivate || a == AccessDirect }

// A Posting says who may write lines in a room. Empty: everybody.
type Posting string

const (
	PostEveryone   Posting = "everyone"
	PostMembers    Posting = "members"
	PostModerators Posting = "moderators"
)

// Role is the least role of a user who may write lines.
func (p Posting) Role() Role {
	switch p {
	case PostMembers:
		return Member
	case PostModerators:
		return Moderator
	}
	return Guest
}

// Settings are what the owner of a room says about it. The zero value is a room
// that nobody made.
type Settings struct {
	Access    Access  `json:"access,omitempty"`
	Posting   Posting `json:"posting,omitempty"`
	Locked    bool    `json:"locked,omitempty"`    // only moderators write
	Slow      int     `json:"slow,omitempty"`      // seconds between two lines of one user
	Retention int     `json:"retention,omitempty"` // seconds after which a line is forgotten; 0: as the server has it
}

// An Opt is a value that may be left out.
type Opt[T comparable] struct {
	Given bool
	Value T
}

// Some is a value that is given.
func Some[T comparable](v T) Opt[T] { return Opt[T]{true, v} }

func (o Opt[T]) IsZero() bool { return !o.Given }

func (o Opt[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.Value) }

func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	o.Given = true
	return json.Unmarshal(b, &o.Value)
}

// A Change is what an event of the kind room says beside the title.
type Change struct {
	Made      bool      `json:"made,omitempty"` // the room was made, and its author owns it
	Access    Access    `json:"access,omitempty"`
	Posting   Posting   `json:"posting,omitempty"`
	Locked    Opt[bool] `json:"locked,omitzero"`
	Slow      Opt[int]  `json:"slow,omitzero"`
	Retention Opt[int]  `json:"retention,omitzero"`
	With      UserList  `json:"with,omitempty"` // the people of a direct room
	Invite    Invite    `json:"invite,omitzero"`
}

// Apply returns the settings after the change.
func (c Change) Apply(s Settings) Settings {
	if c.Made {
		s = Settings{Access: AccessOpen}
	}
	if c.Access != "" {
		s.Access = c.Access
	}
	if c.Posting != "" {
		s.Posting = c.Posting
	}
	if c.Locked.Given {
		s.Locked = c.Locked.Value
	}
	if c.Slow.Given {
		s.Slow = c.Slow.Value
	}
	if c.Retention.Given {
		s.Retention = c.Retention.Value
	}
	return s
}

// An Invite lets people into a room. In an event it is made, or taken back.
type Invite struct {
	ID    string `json:"id"`
	Role  string `json:"role,omitempty"`  // that it gives
	Uses  int    `json:"uses,omitempty"`  // people whom it still lets in
	Until int64  `json:"until,omitempty"` // Unix milliseconds
	Off   bool   `json:"off,omitempty"`
}

// A Standing is what an event of the kind member says of somebody: a role from
// now on, or a ban.
type Standing struct {
	User   User   `json:"user"`
	Role   string `json:"role,omitempty"`   // "guest": they do not belong to the room any more
	Ban    Ban    `json:"ban,omitempty"`    // empty: the event is about the role
	Until  int64  `json:"until,omitempty"`  // of a ban, Unix milliseconds; 0: for good
	Invite string `json:"invite,omitempty"` // by which they came
}

// A Ban says what somebody must not do in a room.
type Ban string

const (
	Mute   Ban = "mute" // they read, and write nothing
	Banned Ban = "ban"  // they do not read either
	Unban  Ban = "none" // neither any more
)

// A Banning is a ban that lasts.
type Banning struct {
	User   User   `json:"user"`
	Ban    Ban    `json:"ban"`
	Until  int64  `json:"until,omitempty"` // Unix milliseconds; 0: for good
	Reason string `json:"reason,omitempty"`
	By     User   `json:"by"`
}

// A Belonging is somebody's place among the members of a room.
type Belonging struct {
	User User   `json:"user"`
	Role string `json:"role"`
}

// A UserList is users as JSON, so that an event can be compared.
type UserList string

// NewUserList makes the list of some users.
func NewUserList(us []User) UserList { return UserList(JSON(us)) }

// Users are those of the list.
func (l UserList) Users() (us []User) {
	if l != "" {
		_ = json.Unmarshal([]byte(l), &us)
	}
	return us
}

func (l UserList) MarshalJSON() ([]byte, error) {
	if l == "" {
		return []byte("[]"), nil
	}
	return []byte(l), nil
}

func (l *UserList) UnmarshalJSON(b []byte) error {
	var us []User
	if err := json.Unmarshal(b, &us); err != nil {
		return err
	}
	*l = NewUserList(us)
	return nil
}

// The address of a private or a direct room is made by the server: nobody
// guesses it, and no first post makes a room of that form.
const (
	privatePrefix = "p_"
	directPrefix  = "d_"
	inboxPrefix   = "@"
	letters       = 20
)

// NewPrivateRoom makes the address of a private room: 94 random bits.
func NewPrivateRoom() RoomID { return privatePrefix + randomLetters(letters) }

// PrivateRoom is the address of a private room, by bits that are always the same
// for the same request.
func PrivateRoom(sum []byte) RoomID { return privatePrefix + lettersOf(sum) }

// DirectRoom is the address of a direct room, by bits that are always the same
// for the same people.
func DirectRoom(sum []byte) RoomID { return directPrefix + lettersOf(sum) }

func lettersOf(sum []byte) RoomID {
	var b strings.Builder
	for i := range letters {
		b.WriteByte('a' + sum[i%len(sum)]%26)
	}
	return RoomID(b.String())
}

func randomLetters(n int) RoomID {
	var b strings.Builder
	for b.Len() < n {
		for _, c := range strings.ToLower(rand.Text()) {
			if c >= 'a' && c <= 'z' && b.Len() < n {
				b.WriteRune(c)
			}
		}
	}
	return RoomID(b.String())
}

// Inbox is the room that only one user reads.
func Inbox(user string) RoomID { return RoomID(inboxPrefix + user) }

// Reader is the user whose inbox the room is, or "".
func (r RoomID) Reader() string {
	user, ok := strings.CutPrefix(string(r), inboxPrefix)
	if !ok {
		return ""
	}
	return user
}

// Hidden reports whether the address has a form that the server makes: nobody
// but who belongs to the room learns whether it is there.
func (r RoomID) Hidden() bool {
	s := string(r)
	if strings.HasPrefix(s, inboxPrefix) {
		return true
	}
	if !strings.HasPrefix(s, privatePrefix) && !strings.HasPrefix(s, directPrefix) || len(s) != len(privatePrefix)+letters {
		return false
	}
	return !strings.ContainsFunc(s[len(privatePrefix):], func(c rune) bool { return c < 'a' || c > 'z' })
}

// check refuses what no change of a room may say.
func (c Change) check() error {
	switch c.Access {
	case "", AccessOpen, AccessUnlisted, AccessPrivate, AccessDirect, AccessClosed:
	default:
		return fmt.Errorf("%w: access is open, unlisted or private", ErrInvalid)
	}
	switch c.Posting {
	case "", PostEveryone, PostMembers, PostModerators:
	default:
		return fmt.Errorf("%w: posting is everyone, members or moderators", ErrInvalid)
	}
	if s := c.Slow.Value; s < 0 || s > MaxSlow {
		return fmt.Errorf("%w: slow is a number of seconds from 0 to %d", ErrInvalid, MaxSlow)
	}
	if s := c.Retention.Value; s != 0 && (s < MinRetention || s > MaxRetention) {
		return fmt.Errorf("%w: retention is a number of seconds from %d to %d, or 0 for as long as the server keeps lines", ErrInvalid, MinRetention, MaxRetention)
	}
	return nil
}

// check refuses what no event of the kind member may say.
func (m Standing) check() error {
	if m.User.ID == "" {
		return fmt.Errorf("%w: say who it is about", ErrInvalid)
	}
	switch m.Ban {
	case Mute, Banned, Unban:
		return nil
	case "":
	default:
		return fmt.Errorf("%w: a ban is ban, mute or none", ErrInvalid)
	}
	_, err := ParseRole(m.Role)
	return err
}
