// Package redis is the engine for many servers. It keeps rooms in Redis: a stream
// per room for what was said (the log), and a pub/sub channel per room to say that something was (the
// subscription). The log is the truth; the subscription is never trusted.
//
// It is the only package that knows Redis. All keys of a room carry its hash
// tag, so that rooms spread over a Redis Cluster by themselves; nothing spans
// two rooms but the index of rooms, which may be wrong without harm.
//
//	confab:{room}:log      stream   events: prev, kind, user, event (JSON)
//	confab:{room}:meta     hash     last: id of the last event; shown: of the last that replicas have; title
//	confab:{room}:keys:0,1 hash     idempotency keys, of ten minutes each
//	confab:{room}:edits    zset     edits by the time of their target
//	confab:{room}:rate:u   string   the theoretical arrival time of the user's next post, see rate.lua
//	confab:{room}:here     zset     who is here, by when that ends
//	confab:{room}          channel  events and signals
//	confab:rooms           zset     rooms by when they were last spoken in
//	confab:name:n          string   who has the name now
//	confab:rate:what:who   string   as above, for what is not a post
//	confab:replicas        string   the most that a primary was ever seen to have
//
// [OpenLocal] runs a Redis of its own in the process (miniredis) instead, and
// keeps what was said in a file.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

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
	poolSize      = 16                      // connections for reads; posts share one, the subscription has one
	idleTime      = time.Minute             // after it a connection is not trusted: gateways forget it, and a frozen function is not told
)

// What the driver logs it also returns, and then it has a room and a reason.
func init() { logging.Disable() }

// A Store is all rooms. Its methods are safe for concurrent use.
type Store struct {
	opts        store.Options
	log         *slog.Logger
	rdb         redis.UniversalClient
	batcher     *batcher
	sub         *subscription
	replication *replication // nil when the primary's word is enough
	local       local        // nil with a real Redis
	counted     localCounters
	count       counters

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
// that leaves it out: a function never opens one, and it is a twelfth of the
// binary that a cold start has to load.
type local interface {
	client() *redis.Client
	append(ctx context.Context, s *Store, ev chat.Event) (_ chat.Line, replayed bool, err error)
	close() error
}

// Open connects and returns once Redis answered, or with an error that names
// the address (never the password) when it does not. It is a [store.Opener].
//
// The URL is redis://, or rediss:// for TLS. With ?master_name= it names a
// Sentinel, with ?cluster=true or several addr= a Cluster. Of what the driver
// takes there, conn_max_idle_time counts too.
func Open(ctx context.Context, opts store.Options) (store.Store, error) {
	return open(ctx, opts, func(s *Store) (err error) {
		s.rdb, err = dial(opts.URL)
		return err
	})
}

func open(ctx context.Context, opts store.Options, dial func(*Store) error) (store.Store, error) {
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
		if s.replication, err = newReplication(s, d); err != nil {
			return err
		}
	}
	s.rdb.AddHook(&s.count)
	s.batcher = newBatcher(s)
	s.sub = newSubscription(s)
	if s.local == nil {
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		if err := s.rdb.Ping(ctx).Err(); err != nil {
			return fmt.Errorf("REDIS_URL: no answer from %s: %w", address(s.opts.URL), err)
		}
	}
	if !s.batcher.single {
		s.start(s.batcher.work)
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

// pause sleeps for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
