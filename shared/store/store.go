// Package store is the contract that every engine of rooms keeps: what can be
// asked of it, what it promises, and what all engines share.
//
// Its engines are redis, for many servers, and the one built in. The package
// storetest holds the promises as tests that any engine has to pass.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
)

// An Opener opens an engine. It returns once the engine answers, or fails with
// one sentence that names the variable to mend and never a password.
type Opener func(context.Context, Options) (Store, error)

// A Store is all rooms. Its methods are safe for concurrent use. Whatever keeps
// it from answering is [chat.ErrUnavailable] in a [chat.RetryError].
type Store interface {
	Log
	Limits
	Attendance
	Names
	Rights
	Deposits
	Outbox
	Audit
	Inboxes
	Sessions

	// Rooms tells of the rooms named, or without a name of those spoken in
	// last, at most [MaxRooms], the latest first. Only open rooms are among
	// those that were not named.
	Rooms(ctx context.Context, rooms ...chat.RoomID) ([]chat.Room, error)
	// Ready reports, by a nil error, that posts are taken and that what is
	// posted reaches those who follow.
	Ready(ctx context.Context) error
	// Stats tells how the store does.
	Stats() Stats
	// Address is where the rooms are, without a password. It is empty for an
	// engine in this process.
	Address() string
	// Close ends all followers. Posts under way are answered, if only with
	// [chat.ErrUnavailable].
	Close() error
}

// A Log is the events of all rooms, and what passes by. What it gives of an
// edited message is its last text, in the message as in the edit, wherever a
// reader begins: edits that were replaced are gone, like what was deleted.
type Log interface {
	// Append writes an event that [chat.Compose] made into its room's log. It
	// comes back with its id and prev. An event whose author used its key
	// within the last [KeyLife], or longer ago in a quiet room, is not written
	// again: replayed is true and the first one's id comes back. A notice under
	// its key is never written again for as long as its inbox has the first one.
	//
	// Errors: [ErrKeyReused] for a key that was used for another body,
	// [chat.ErrTooMany] in a [chat.RetryError] for a user or a network that
	// writes too much or begins too many rooms, [ErrEmoji], [ErrNoTarget] and
	// [ErrNotAuthor] by the rule of the event's kind, [chat.ErrNameTaken] (who
	// speaks claims the name for [PresenceLife]; what only removes a text, and what an
	// operator settles, claims nothing), those of package access by the facts as they are when it is
	// written, [chat.ErrUnavailable]:
	// the event may have been written then, and the key tells on a repeat.
	Append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error)
	// Since returns up to n events after an id, oldest first. The zero id is
	// the beginning of what is kept. It fails with [chat.ErrReset] when the
	// log does not continue the id: trimmed past it, restored, or never there.
	Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error)
	// Before returns the last n events before an id, oldest first. The zero
	// id is after everything.
	Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error)
	// Last returns the id of each room's last event, the zero id for a room
	// where nothing was said.
	Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error)
	// Follow tells l what happens in a room until ctx ends: every event after
	// the id that it returns, in the log's order, none missing and none twice,
	// and signals as they pass. A log that breaks off shows as l.Reset. Each
	// call of l is made with nothing locked that l could want but the feed of
	// its own room.
	Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error)
	// Signal lets a signal pass by those who follow its room.
	Signal(ctx context.Context, sig chat.Signal) error
}

// Rights are what is known of rooms and of who belongs to them. All of it is
// changed by events of the kinds room and member, in the append that writes the
// event: what follows a lock or a ban in the log was allowed after it.
type Rights interface {
	// Facts are those that package access needs about a user in each room.
	Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error)
	// Members are those of a room, owners and all, by their ids.
	Members(ctx context.Context, room chat.RoomID) ([]chat.Belonging, error)
	// Bans are the bans and mutes of a room that are in force, by the ids of
	// whom they are about.
	Bans(ctx context.Context, room chat.RoomID) ([]chat.Banning, error)
	// Invites are those into a room that are good.
	Invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error)
}

// An Audit has what was done to rooms and people, of all rooms together. It is
// written in the append that writes the event, outlives what the room keeps and the
// room, and is kept for [Options.Retention].
type Audit interface {
	// Audit returns up to n events after a place, the oldest first, or the last
	// n without one.
	Audit(ctx context.Context, after chat.Opt[chat.ID], n int) ([]chat.Audited, error)
}

// An Outbox has the events of which people have to hear outside of their room,
// see [chat.Event.Concerns]: each from the append that wrote it, in which it is
// noted, until it is finished.
type Outbox interface {
	// Tasks hands out up to n of them, the oldest first, each to one who asks.
	// What is not finished within [TaskLife] is handed out again. Near a room
	// it looks only at what is kept together with that room.
	Tasks(ctx context.Context, n int, near ...chat.RoomID) ([]chat.Task, error)
	// Finish takes tasks out.
	Finish(ctx context.Context, tasks ...chat.Task) error
}

// Inboxes are the rooms with one reader, see [chat.Inbox], and how far their
// readers have read other rooms. They are not followed one by one.
type Inboxes interface {
	// FollowInboxes tells f, until ctx ends, what is for one user alone: that
	// their inbox has grown, or that a mark of theirs has moved. It does not
	// wait. A signal of the kind reset, for nobody, says that some may have been
	// missed: whoever has to know asks for it from then on. F must not block.
	FollowInboxes(ctx context.Context, f func(user string, sig chat.Signal))
	// Mark says that a user has read a room up to an event. A mark never goes
	// back. It returns where it is then. Over [chat.MaxReadMarks] the one goes
	// that is oldest.
	Mark(ctx context.Context, user string, room chat.RoomID, id chat.ID) (chat.ID, error)
	// Marks are those of a user.
	Marks(ctx context.Context, user string) (map[chat.RoomID]chat.ID, error)
	// EraseInbox leaves nothing of a user's inbox and of their marks.
	EraseInbox(ctx context.Context, user string) error
}

// Limits count what may be done so often, on all servers together.
type Limits interface {
	// Allow counts one more login, or whatever what names, by who. It fails
	// with [chat.ErrTooMany] in a [chat.RetryError] when that is too many.
	Allow(ctx context.Context, what, who string, r Rate) error
	// AllowSoon is Allow for what must neither wait nor stop with the store.
	// It may let by a little more than Allow would.
	AllowSoon(what, who string, r Rate) error
}

// Deposits are what waits for somebody who knows a key of many random bits. An
// engine keeps its hash alone, and may forget what was deposited when it starts
// again.
type Deposits interface {
	// Deposit keeps a value for so long.
	Deposit(ctx context.Context, kind, key string, value []byte, life time.Duration) error
	// Withdraw returns a value and forgets it: of those who ask at once, on
	// however many servers, one gets it. It is nil for the others, for a wrong
	// key, and when it is too late.
	Withdraw(ctx context.Context, kind, key string) ([]byte, error)
}

// DepositKey is what an engine knows a deposit by.
func DepositKey(kind, key string) string {
	sum := sha256.Sum256([]byte(kind + " " + key))
	return kind + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Sessions are the devices on which users are signed in. What an engine knows of
// one that was ended outlives its token; the rest it may forget once that was not
// used for [SessionLife], and the last moments of it when it starts again.
type Sessions interface {
	// UseSession notes that a session of a user is used now, on a device that
	// says what it is (empty: as it did before), and returns the engine's time
	// in milliseconds. It fails with [ErrSignedOut] when the session was ended.
	// One without an id is only asked about.
	UseSession(ctx context.Context, user string, s chat.Session) (now int64, err error)
	// Sessions are those of a user that were not ended, at most
	// [chat.MaxSessions], the one that was used last first.
	Sessions(ctx context.Context, user string) ([]chat.Session, error)
	// EndSession ends a session for good, be it known or not.
	EndSession(ctx context.Context, user, id string) error
	// EndSessions ends all sessions that a user has, and returns the generation
	// of those to come.
	EndSessions(ctx context.Context, user string) (generation int, err error)
	// Generation is that of a user's sessions now.
	Generation(ctx context.Context, user string) (int, error)
	// SignedOut returns who had sessions ended after a time that the engine gave,
	// at most [SignOutsKept] ago, and the time of its answer. Some of those before
	// may be among them.
	SignedOut(ctx context.Context, after int64) (outs []chat.SignOut, now int64, err error)
}

// Attendance is who is in a room, and who has which name meanwhile. A name
// belongs to one user at a time: to the first who is in a room or speaks, for as
// long as that user goes on to.
type Attendance interface {
	// Here says that server holds connections of these users in a room, for
	// [PresenceLife] from now, and returns who is in the room by then. With no
	// users it only asks. A user whose name another has is not in it.
	Here(ctx context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error)
	// Gone takes back what Here said of these users in a room.
	Gone(ctx context.Context, server string, room chat.RoomID, us ...chat.User) error
	// Free gives away the names of these users, who are in no room of the
	// server that says so. A user who is in a room of another server takes it
	// again at the next Here.
	Free(ctx context.Context, us ...chat.User) error
	// People returns who is in a room, by name.
	People(ctx context.Context, room chat.RoomID) ([]chat.User, error)
	// Around reports whether somebody else of that name is in a room now.
	Around(ctx context.Context, u chat.User) (bool, error)
}

// Names are those that belong to a user for good, whether the user is around or
// not, and what has to be known to know that user again. None of it may be lost.
type Names interface {
	// Own gives a user their name for [NameLife], anew whenever they use it:
	// speak or are in a room by it. It fails with [chat.ErrNameTaken] when another
	// has it. Free does not give it away.
	Own(ctx context.Context, u chat.User) error
	// Disown gives a name away that the user owns.
	Disown(ctx context.Context, u chat.User) error
	// Account is what is kept of a user, nil when that is nothing.
	Account(ctx context.Context, user string) ([]byte, error)
	// SetAccount puts another value in the place of one that is kept, and
	// reports false when that is not it. Nil stands for none.
	SetAccount(ctx context.Context, user string, old, value []byte) (bool, error)
}

const (
	// NameLife is how long a name is owned after its owner used it last.
	NameLife = 365 * 24 * time.Hour
	// PresenceLife is how long somebody counts as being in a room after the
	// last word of the server that holds their connection: that server's death
	// is seen within it. The server refreshes well within it.
	PresenceLife = 45 * time.Second
	// KeyLife is how long an idempotency key is known, at least.
	KeyLife = 10 * time.Minute
	// TaskLife is how long one who asked for a task has it alone.
	TaskLife = 10 * time.Second
	// MarksLife is how long it is known what somebody read who reads nothing
	// any more, at least.
	MarksLife = 400 * 24 * time.Hour
	// EmptyRoomLife is how long a room is known in which nothing is left, because
	// of [Options.Retention], and nothing is said.
	EmptyRoomLife = 30 * 24 * time.Hour
	// SessionLife is how long a session is listed that is not used. It is as long
	// as its token is good.
	SessionLife = 30 * 24 * time.Hour
	// EndedLife is how long it is known that a session was ended: longer than its
	// token proves anything.
	EndedLife = 400 * 24 * time.Hour
	// SignOutsKept is how long it is told who had sessions ended.
	SignOutsKept = 10 * time.Minute
	// MaxRooms is how many rooms are listed at once.
	MaxRooms = 100
)

// Options say where the rooms are and what is kept of them. The zero value of
// a number lifts the limit that it names.
type Options struct {
	// URL is where Redis is; see [confab/shared/store/redis.Open].
	URL string
	// TLS is what an address of rediss:// needs beside what all trust.
	TLS TLS
	// Prefix is what all keys and channels of Redis begin with, so that one
	// Redis serves several. Empty: "confab".
	Prefix string
	// Quick leaves out trying at the start what will be needed: a function's
	// start is waited for.
	Quick bool
	// Dir is where an engine in this process keeps its file. It is made if
	// missing.
	Dir string
	// History is how many events a room keeps, about.
	History int
	// HistoryBytes is how many bytes of events a room keeps, about: above it the
	// oldest go. What was deleted a moment ago may still count.
	HistoryBytes int
	// Retention is how long a room keeps an event, about.
	Retention time.Duration
	// PostsPerSecond is what one user may post in one room in the long run,
	// PostBurst how many at once.
	PostsPerSecond float64
	PostBurst      int
	// PostsPerDay is what one network may write in a room that another user
	// began, so that no flood pushes out what others said. Deletions are free,
	// and so is what the moderators and owners of the room write.
	PostsPerDay int
	// RoomsPerDay is how many rooms one network may begin.
	RoomsPerDay int
	// Durability is who has an event before Append returns and anybody sees
	// it: "primary" (or empty), "majority" of it and its replicas, "replicas" for
	// as many as were ever seen, or "replicas:2" for two of them.
	Durability string

	Log *slog.Logger
}

// TLS names files in PEM, or holds their text: the authority that signed Redis's
// certificate, and a certificate of ours with its key.
type TLS struct{ CA, Cert, Key string }

// Stats is how a store does: what there is now, and what was since it was
// opened.
type Stats struct {
	Commands           uint64        // sent to Redis
	Errors             uint64        // of them, those that failed, and connections that were not made
	Gaps               uint64        // events that the subscription left out and the log had
	Resets             uint64        // of rooms whose log broke off
	SubscriptionLosses uint64        // times that its connection was made anew
	SubscriptionAge    time.Duration // since it received anything; 0: nobody has followed a room yet
	Commits            uint64        // of the file of an engine in this process
	FailedCommits      uint64        // of them, those that the disk did not take, or that met damage
	SubscriptionLag    time.Duration // how far it was behind the log when they were compared last
}
