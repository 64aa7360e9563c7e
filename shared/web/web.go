// Package web is how rooms look over HTTP: the routes, the transports, the
// wire forms, the status codes, and what keeps strangers from doing harm.
//
// Only this package knows HTTP. A handler reads a request into the words of
// package chat, asks the rooms, and writes the answer or returns its error. One
// function gives each error its status.
package web

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/limit"
	"confab/shared/presence"
)

// What one request may ask for.
const (
	maxBody     = 12*chat.MaxText + 1<<10 // bytes of a request's body: the longest text fits, with each character escaped
	maxRooms    = 32                      // rooms of one stream, or of one question about rooms
	maxPage     = 100                     // events of one page of history
	defaultPage = 50
	appendLimit = 3 * time.Second  // until an event is written down, or a post has failed
	writeLimit  = 30 * time.Second // to write a whole answer that is no stream
	typingPause = 3 * time.Second  // between two signals of one user's typing in a room
)

// Rooms is what web needs of the store. Its errors are of chat's kinds.
type Rooms interface {
	// Append writes an event down. Replayed says that its author's key had
	// been used for the same before, and that this is the first one.
	Append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error)
	// Since returns up to n events after an id, oldest first, or fails with
	// [chat.ErrReset] when the log does not continue the id.
	Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error)
	// Before returns the last n events before an id, oldest first. The zero
	// id is after everything.
	Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error)
	// Rooms returns the rooms named, or else those with the latest events, the
	// latest first.
	Rooms(ctx context.Context, rooms ...chat.RoomID) ([]chat.Room, error)
	// Facts are those that package access needs about a user in each room.
	Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error)
	// Members are those of a room, by their ids, Bans its bans and mutes that
	// are in force, Invites those that are good.
	Members(ctx context.Context, room chat.RoomID) ([]chat.Belonging, error)
	Bans(ctx context.Context, room chat.RoomID) ([]chat.Banning, error)
	Invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error)
	// Last returns the id of each room's last event.
	Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error)
	// FollowInboxes tells f what is for one user alone, until ctx ends. A signal
	// of the kind reset, for nobody, says that some may have been missed.
	FollowInboxes(ctx context.Context, f func(user string, sig chat.Signal))
	// Mark says that a user has read a room up to an event, and returns how
	// far they have by now.
	Mark(ctx context.Context, user string, room chat.RoomID, id chat.ID) (chat.ID, error)
	// Marks are how far a user has read each room.
	Marks(ctx context.Context, user string) (map[chat.RoomID]chat.ID, error)
	// Audit returns up to n events by which somebody changed a room, or what
	// others are or said in it, after a place, the oldest first, or the last n.
	Audit(ctx context.Context, after chat.Opt[chat.ID], n int) ([]chat.Audited, error)
	// Signal publishes a signal. It is not stored.
	Signal(ctx context.Context, sig chat.Signal) error
	// People returns who is in a room, by name.
	People(ctx context.Context, room chat.RoomID) ([]chat.User, error)
	presence.Store
	// Around reports whether somebody else of that name is in a room now.
	Around(ctx context.Context, u chat.User) (bool, error)
	// Deposit keeps a value for whoever knows its key, once and for so long.
	Deposit(ctx context.Context, kind, key string, value []byte, life time.Duration) error
	// Withdraw takes it, nil when there is none.
	Withdraw(ctx context.Context, kind, key string) ([]byte, error)
	// Own gives a user their name for good. Disown takes it back.
	Own(ctx context.Context, u chat.User) error
	Disown(ctx context.Context, u chat.User) error
	// Account is what is kept of a user who owns a name, nil for nothing.
	Account(ctx context.Context, user string) ([]byte, error)
	// SetAccount puts a value in the place of another, if that is the one that
	// is kept.
	SetAccount(ctx context.Context, user string, old, value []byte) (bool, error)
	// UseSession notes that a session is used, and returns the store's time. It
	// fails when the session was ended.
	UseSession(ctx context.Context, user string, s chat.Session) (now int64, err error)
	// Sessions are those of a user, the one that was used last first.
	Sessions(ctx context.Context, user string) ([]chat.Session, error)
	// EndSession ends one of them.
	EndSession(ctx context.Context, user, id string) error
	// EndSessions ends all, and returns the generation of those to come.
	EndSessions(ctx context.Context, user string) (generation int, err error)
	// Generation is that of a user's sessions now.
	Generation(ctx context.Context, user string) (int, error)
	// SignedOut returns who had sessions ended after a time of the store.
	SignedOut(ctx context.Context, after int64) (outs []chat.SignOut, now int64, err error)
	// Ready reports, by a nil error, that what is written reaches the readers.
	Ready(ctx context.Context) error
}

// A Config is what a server is put together from.
type Config struct {
	Rooms Rooms
	Hub   *hub.Hub
	Users *identity.Signer
	Site  fs.FS // the browser's files; nil: they are served elsewhere
	Log   *slog.Logger

	// Compress makes the gzip form of the site's files and of what is read.
	// Nil: there is none.
	Compress func(body []byte) []byte
	// Upgrade makes a WebSocket of a request. Nil: there are none here.
	Upgrade Upgrade
	// Operators are the ids of users who run the server, beside those whose
	// session says so.
	Operators []string
	// Guests says that open rooms are read without a session.
	Guests bool
	// Origin is the address that people type, like https://chat.example.
	// Empty: whatever address a request came to.
	Origin string
	// AllowedOrigins are other sites whose pages may use this server, such as
	// https://www.example.org. They are compared as they are.
	AllowedOrigins []string
	// SignIn are the ways to sign in that are offered, as [ByName].
	SignIn []string
	// UserHeader is the header in which one of Proxies says who the user is.
	// Empty: none does.
	UserHeader string
	// Once uses a word up, for at least so long: it fails with [chat.ErrTooMany]
	// when it was used before, on whatever server.
	Once func(ctx context.Context, word string, life time.Duration) error
	// AllowLogin counts a login from an address and fails when that is too
	// many, or when it cannot tell. Nil: there is no limit.
	AllowLogin func(ctx context.Context, address string) error
	// AllowPost counts a post from an address and fails when that is too many.
	// It waits for nothing. Nil: there is no limit but the users' own.
	AllowPost func(address string) error
	// AllowTyping is AllowPost for signals of typing, which each user may send
	// into as many rooms as they like.
	AllowTyping func(address string) error
	// AllowReport is AllowPost for reports of lines, each of which is told to
	// several people.
	AllowReport func(address string) error
	// AllowSearch is AllowPost for searches, each of which reads much.
	AllowSearch func(address string) error
	// StreamsPerUser and StreamsPerAddress are what each may hold at once on
	// this machine. 0 lifts a limit.
	StreamsPerUser, StreamsPerAddress int
	// Sockets says that what is read here goes to a server, which has
	// WebSocket, even where a function answers all else.
	Sockets bool
	// StreamFor is how long a stream lives before its reader is sent back
	// for another. 0: until somebody leaves.
	StreamFor time.Duration
	// Ping is how often a stream pings where it does not say so itself. 0:
	// [hub.PingEvery].
	Ping time.Duration
	// Proxies are the addresses whose X-Forwarded headers are believed.
	Proxies []netip.Prefix
	// ProxySecret, in X-Proxy-Secret, has X-Forwarded headers believed of any
	// address: a CDN's are many and change. Empty: of none but Proxies.
	ProxySecret string
}

// A Server answers requests.
type Server struct {
	cfg  Config
	log  *slog.Logger
	ways Ways // where [Login] is served
	gate *gate
	site *site

	cross   *http.CrossOriginProtection
	allowed map[string]bool // origins of other sites
	host    string          // of the public origin; empty: it is not known

	byUser, byAddress limit.Concurrency // streams
	presence          *presence.Tracker
	users             *userSignals
	signedIn          *signedIn
	typed             limit.Throttle // signals of typing
	sockets           sync.WaitGroup
	draining          atomic.Bool
	unknownProxy      sync.Once // it was warned of
}

// Routes puts a set of routes on a mux: [Login], [Post], [Stream], [Site].
type Routes func(*Server, *http.ServeMux)

// New returns a server. It fails when the origin is none, or the site cannot
// be read.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, log: cfg.Log}
	s.typed.Pause = typingPause
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.trustOrigins(); err != nil {
		return nil, err
	}
	s.gate = &gate{rooms: cfg.Rooms, hub: cfg.Hub, guestsRead: cfg.Guests, operators: cfg.Operators, may: access.May}
	s.signedIn = &signedIn{rooms: cfg.Rooms, recheck: s.gate.recheck, log: s.log}
	s.presence = presence.New(cfg.Rooms, func(sig chat.Signal) { cfg.Hub.Signal(sig) }, s.log)
	s.users = newUserSignals(cfg.Rooms, cfg.Hub, &s.byUser, s.log)
	s.cfg.Rooms, s.cfg.Hub = nil, nil // from here on they are behind the gate
	if cfg.Site != nil {
		var err error
		if s.site, err = openSite(cfg.Site, cfg.Compress); err != nil {
			return nil, fmt.Errorf("site: %w", err)
		}
	}
	return s, nil
}

// Handler serves these routes.
func (s *Server) Handler(routes ...Routes) http.Handler {
	mux := http.NewServeMux()
	for _, add := range routes {
		add(s, mux)
	}
	return s.guard(s.origins(s.route(mux)))
}

// wrap makes a handler that may fail an [http.Handler]: its body is bounded,
// its answer has a deadline, its error becomes a problem.
func (s *Server) wrap(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		// Not every runtime has deadlines, and a stream sets its own.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeLimit))
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			r = withoutClientCancel(r)
		}
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// withoutClientCancel is a request that goes on when its client closes its
// sending side. It is for requests that have arrived and are answered in one
// piece: net/http takes the closing for leaving, though the client may still read
// (RFC 9293 §3.6), and a write would be done or not by chance. The store bounds
// each of its answers itself.
func withoutClientCancel(r *http.Request) *http.Request {
	return r.WithContext(context.WithoutCancel(r.Context()))
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, code int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(jsonLine(v)) // a browser that left is no error
	return nil
}

// pathRoom is the room that a request's path names. A name that no room can
// have is an address where nothing is.
func pathRoom(r *http.Request) (chat.RoomID, error) {
	room, err := chat.ParseRoom(r.PathValue("room"))
	if err != nil {
		return "", fmt.Errorf("%w: there is no such room: %s", chat.ErrNotFound, plain(err, chat.ErrInvalid))
	}
	return room, nil
}

// queryRooms are the rooms that a request's query names, sorted.
func queryRooms(r *http.Request) ([]chat.RoomID, error) {
	names := r.URL.Query()["room"]
	if len(names) > maxRooms {
		return nil, fmt.Errorf("%w: %d rooms are asked for, the limit is %d", errMalformed, len(names), maxRooms)
	}
	rooms := make([]chat.RoomID, 0, len(names))
	for _, name := range names {
		room, err := chat.ParseRoom(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errMalformed, plain(err, chat.ErrInvalid))
		}
		rooms = append(rooms, room)
	}
	return chat.Rooms(rooms), nil
}
