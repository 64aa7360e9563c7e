// Package store keeps rooms in Redis: a stream per room for what was said (the
// log), and a pub/sub channel per room to say that something was (the bell).
// The log is the truth; the bell is never trusted.
//
// It is the only package that knows Redis. All keys of a room carry its hash
// tag, so that rooms spread over a Redis Cluster by themselves; nothing spans
// two rooms but the index of rooms, which may be wrong without harm.
//
// [OpenLocal] runs a Redis of its own in the process (miniredis) instead, and
// keeps what was said in a file.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// The driver logs to stderr what it returns as errors as well.
func init() { logging.Disable() }

// What Redis is given before it counts as away. A post is answered within
// their sum, whatever the network does.
const (
	dialTimeout  = time.Second
	replyTimeout = 1500 * time.Millisecond
	poolSize     = 16 // connections for reads; posts share one, the bell has one
)

// Options say where the rooms are and what is kept of them. The zero value of
// a number lifts the limit that it names.
type Options struct {
	// URL is redis://, or rediss:// for TLS. With ?master_name= it names a
	// Sentinel, with ?cluster=true or several addr= a Cluster.
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

	Log *slog.Logger
}

// A Store is all rooms. Its methods are safe for concurrent use.
type Store struct {
	opts    Options
	log     *slog.Logger
	rdb     redis.UniversalClient
	desk    *desk
	bell    *bell
	local   local    // nil with a real Redis
	indexed sync.Map // RoomID → time.Time: when the index of rooms last heard of it
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// A local Redis is one of our own in the process, see [OpenLocal].
//
// Decision: an interface with one implementation, so that a function, which
// never opens one, does not carry it: it is a sixth of the binary.
type local interface {
	client() *redis.Client
	append(ctx context.Context, s *Store, ev chat.Event) (_ chat.Event, replayed bool, err error)
	close() error
}

// Open connects and returns once Redis answered, or with an error that names
// the address (never the password) when it does not.
func Open(ctx context.Context, opts Options) (*Store, error) {
	rdb, err := dial(opts.URL)
	if err != nil {
		return nil, err
	}
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("REDIS_URL: no answer from %s: %w", address(opts.URL), err), rdb.Close())
	}
	return start(ctx, opts, rdb, nil), nil
}

func start(ctx context.Context, opts Options, rdb redis.UniversalClient, own local) *Store {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.History <= 0 {
		opts.History = math.MaxInt32
	}
	s := &Store{opts: opts, log: opts.Log, rdb: rdb, local: own, desk: newDesk(rdb)}
	s.bell = newBell(s)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.wg.Go(func() { s.desk.run(run) })
	s.wg.Go(func() { s.bell.listen(run) })
	s.wg.Go(func() { s.bell.watch(run) })
	return s
}

// Close ends all followers and the connections. Posts under way are answered
// with [chat.ErrUnavailable].
func (s *Store) Close() error {
	s.cancel()
	s.wg.Wait()
	err := s.rdb.Close()
	if s.local != nil {
		err = errors.Join(err, s.local.close())
	}
	return err
}

// The driver's own log is not ours: what it says comes back as errors too.
func init() { redis.SetLogger(quiet{}) }

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// dial makes the client that the address asks for. Commands are never sent
// twice by the driver: a post that may have happened is for its author to
// repeat, under its idempotency key.
func dial(raw string) (redis.UniversalClient, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("REDIS_URL is not an address like redis://host:6379")
	}
	q := u.Query()
	cluster := q.Get("cluster") == "true" || (q.Has("addr") && !q.Has("master_name"))
	q.Del("cluster")
	u.RawQuery = q.Encode()
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.PoolSize, o.ContextTimeoutEnabled = -1, 1, poolSize, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		return redis.NewFailoverClient(o), nil
	case cluster:
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.PoolSize, o.ContextTimeoutEnabled = -1, 1, poolSize, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, badURL(raw, err)
	}
	o.MaxRetries, o.DialerRetries, o.PoolSize, o.ContextTimeoutEnabled = -1, 1, poolSize, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
	return redis.NewClient(o), nil
}

// badURL keeps the password, which the driver's error may quote, out of ours.
func badURL(raw string, err error) error {
	return fmt.Errorf("REDIS_URL for %s: %s", address(raw), strings.ReplaceAll(err.Error(), raw, "the address"))
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
