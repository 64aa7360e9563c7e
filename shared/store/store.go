// Package store keeps rooms in Redis: a stream per room for what was said (the
// log), and a pub/sub channel per room to say that something was (the bell).
// The log is the truth; the bell is never trusted.
//
// It is the only package that knows Redis. All keys of a room carry its hash
// tag, so that rooms spread over a Redis Cluster by themselves; nothing spans
// two rooms but the index of rooms, which may be wrong without harm.
//
//	confab:{room}:log      stream   events: prev, kind, user, event (JSON)
//	confab:{room}:meta     hash     last: id of the last event; shown: of the last that replicas have; title
//	confab:{room}:keys:0,1 hash     idempotency keys, of ten minutes each
//	confab:{room}:edits    zset     edits by the time of their target
//	confab:{room}:rate:u   string   when the user's posts will have been paid for
//	confab:{room}:here     zset     who is here, by when that ends
//	confab:{room}          channel  events and signals
//	confab:rooms           zset     rooms by when they were last spoken in
//	confab:name:n          string   who has the name now
//	confab:rate:what:who   string   as above, for what is not a post
//	confab:replicas        string   the most that a primary was ever seen to have
//
// [OpenLocal] runs a Redis of its own in the process (miniredis) instead, and
// keeps what was said in a file.
package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// What Redis is given before it counts as away.
const (
	openTimeout   = 5 * time.Second // the first answer of all
	dialTimeout   = time.Second
	replyTimeout  = 1500 * time.Millisecond
	answerTimeout = 2500 * time.Millisecond // a post, waiting and all
	poolTimeout   = time.Second             // for a connection to be free
	poolSize      = 16                      // connections for reads; posts share one, the bell has one
	idleTime      = time.Minute             // after it a connection is not trusted: gateways forget, and a frozen function does not hear
)

// What the driver logs it also returns, and then it has a room and a reason.
func init() { logging.Disable() }

// Options say where the rooms are and what is kept of them. The zero value of
// a number lifts the limit that it names.
type Options struct {
	// URL is redis://, or rediss:// for TLS. With ?master_name= it names a
	// Sentinel, with ?cluster=true or several addr= a Cluster. Of what the
	// driver takes there, conn_max_idle_time counts too.
	URL string
	// Dir is for [OpenLocal]: where it keeps events.ndjson. It is made if
	// missing.
	Dir string
	// History is how many events a room keeps, about.
	History int
	// Retention is how long a room keeps an event, about.
	Retention time.Duration
	// PostsPerSecond is what one user may post in one room in the long run,
	// PostBurst how many at once.
	PostsPerSecond float64
	PostBurst      int
	// Durability is who has an event before Append returns and anybody sees
	// it: "primary" (or empty), "replicas" for as many as were ever seen, or
	// "replicas:2" for two of them.
	Durability string

	Log *slog.Logger
}

// A Store is all rooms. Its methods are safe for concurrent use.
type Store struct {
	opts    Options
	log     *slog.Logger
	rdb     redis.UniversalClient
	desk    *desk
	bell    *bell
	copies  *copies // nil when the primary's word is enough
	local   local   // nil with a real Redis
	tallies tallies
	count   counters

	run    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex // guards what follows
	closed    bool       // nothing is added to wg any more
	indexed   map[chat.RoomID]bool
	indexedAt time.Time // since when indexed is gathered
}

// A local Redis is one of our own in the process, see [OpenLocal].
//
// Decision: an interface with one implementation, and a build tag, function,
// that leaves it out: a function never opens one, and it is a fifth of the
// binary that a cold start has to load.
type local interface {
	client() *redis.Client
	append(ctx context.Context, s *Store, ev chat.Event) (_ chat.Event, replayed bool, err error)
	close() error
}

// Open connects and returns once Redis answered, or with an error that names
// the address (never the password) when it does not.
func Open(ctx context.Context, opts Options) (*Store, error) {
	return open(ctx, opts, func(s *Store) (err error) {
		s.rdb, err = dial(opts.URL)
		return err
	})
}

func open(ctx context.Context, opts Options, dial func(*Store) error) (*Store, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.History <= 0 {
		opts.History = math.MaxInt32
	}
	s := &Store{opts: opts, log: opts.Log}
	s.run, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	err := dial(s)
	if err == nil {
		err = s.connect(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (err error) {
	if d := s.opts.Durability; d != "" && d != "primary" {
		if s.copies, err = newCopies(s, d); err != nil {
			return err
		}
	}
	s.rdb.AddHook(&s.count)
	s.desk = newDesk(s)
	s.bell = newBell(s)
	if s.local == nil {
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		if err := s.rdb.Ping(ctx).Err(); err != nil {
			return fmt.Errorf("REDIS_URL: no answer from %s: %w", address(s.opts.URL), err)
		}
	}
	if !s.desk.alone {
		s.start(s.desk.work)
	}
	return nil
}

// start runs f until Close, which waits for it. After Close it does nothing.
func (s *Store) start(f func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(func() { f(s.run) })
	}
}

// Close ends all followers and the connections. Posts under way are answered
// with [chat.ErrUnavailable].
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.cancel()
	s.wg.Wait()
	var err error
	if s.rdb != nil {
		err = s.rdb.Close()
	}
	if s.local != nil {
		err = errors.Join(err, s.local.close())
	}
	return err
}

// dial makes the client that the address asks for. Commands are not sent twice
// by the driver, but on a Cluster, whose nodes refuse while slots move: there
// the idempotency key that every append has makes them one.
func dial(raw string) (redis.UniversalClient, error) {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return nil, errors.New("REDIS_URL is not an address like redis://host:6379")
	}
	q := u.Query()
	cluster := q.Get("cluster") == "true" || (q.Has("addr") && !q.Has("master_name"))
	q.Del("cluster")
	if !q.Has("conn_max_idle_time") && !q.Has("idle_timeout") { // the older name of the same
		q.Set("conn_max_idle_time", idleTime.String())
	}
	u.RawQuery = q.Encode()
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
		o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		o.Dialer = dialer(o.TLSConfig)
		return redis.NewFailoverClient(o), nil
	case cluster:
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
		o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		o.Dialer = dialer(o.TLSConfig)
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, badURL(raw, err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
	o.Dialer = dialer(o.TLSConfig)
	return redis.NewClient(o), nil
}

func dialer(c *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return newLinks(redis.NewDialer(&redis.Options{DialTimeout: dialTimeout, TLSConfig: c})).connect
}

// badURL keeps the password, which the driver's error may quote, out of ours.
func badURL(raw string, err error) error {
	return fmt.Errorf("REDIS_URL for %s: %s", address(raw), strings.ReplaceAll(err.Error(), raw, "the address"))
}

// Address is where the rooms are, without a password. It is empty for the
// built-in Redis.
func (s *Store) Address() string {
	if s.local != nil {
		return ""
	}
	return address(s.opts.URL)
}

// address is the part of a Redis URL that may be shown.
func address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that is none"
	}
	hosts := append([]string{u.Host}, u.Query()["addr"]...)
	return strings.Join(hosts, ", ")
}

// unavailable wraps an error of Redis, whatever it was: nothing that Redis
// answers to our commands is the user's doing.
func unavailable(what string, err error) error {
	return &chat.RetryError{Err: fmt.Errorf("%w: %s: %w", chat.ErrUnavailable, what, err), After: time.Second}
}

// The keys of a room, all in one slot.
func key(room chat.RoomID, what string) string { return "confab:{" + string(room) + "}:" + what }
func channel(room chat.RoomID) string          { return "confab:{" + string(room) + "}" }
