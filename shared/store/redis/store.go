// Package redis is the engine for many servers. It keeps rooms in Redis: a stream
// per room for what was said (the log), and a pub/sub channel per room to say that something was (the
// subscription). The log is the truth; the subscription is never trusted.
//
// It is the only package that knows Redis. A room's keys carry the hash tag of
// its bucket, {b0} to {b63}, which its name chooses: on a Redis Cluster rooms
// spread over so many slots, and one script can write a room and what its bucket
// has for all rooms. Everything begins with the operator's prefix and the number
// of the database:
//
//	confab:0:{b42}:lobby:log      stream   events: prev, at, kind, user, sum (bytes of events up to it), event (JSON)
//	confab:0:{b42}:lobby:copy     stream   the log without what was taken out, while it is made: see erase.lua
//	confab:0:{b42}:lobby:meta     hash     last: id of the last event; shown: of the last that replicas have; creator; indexed: when the index was told; title; ruled: it has rules of its own; access; posting; locked; slow; retention; owners: how many; bytes: of the events that were ever in the log; dropped: of those that are not any more, at least
//	confab:0:{b42}:lobby:members  hash     user → role, user; bans, invites likewise, see rights.lua and settle.lua
//	confab:0:{b42}:lobby:slow:u   string   when the user spoke last, in a slow room
//	confab:0:{b42}:lobby:keys:0,1 hash     idempotency keys, of ten minutes each
//	confab:0:{b42}:lobby:edits    zset     edits by the time of their target
//	confab:0:{b42}:lobby:emojis   zset     "target emoji" of the reactions, by the time of the target
//	confab:0:{b42}:lobby:rate:u   string   the theoretical arrival time of the user's next post, see rate.lua
//	confab:0:{b42}:lobby:day:a    string   the same for what a network may write there in a day
//	confab:0:{b42}:lobby:here     zset     who is here, by when that ends
//	confab:0:{b42}:lobby:events   channel  events and signals
//	confab:0:{b42}:rooms          zset     "creator room" by when the room was last spoken in
//	confab:0:{b42}:audit          stream   room, id, prev, at, event: by which somebody changed a room or what others said
//	confab:0:{b42}:creators       zset     the same by name
//	confab:0:{b42}:outbox         stream   what has to be told outside of the bucket's rooms: room, id, was; and its group
//	confab:0:{b42}:@u_a:log …     …        an inbox, a room with one reader; its keys:0 is kept as long as what is in it
//	confab:0:{b42}:@u_a:marks     hash     room → id up to which the user has read it
//	confab:0:{b42}:inboxes        channel  events of all inboxes of the bucket, and signals for their users
//	confab:0:{b42}:erasing        hash     room → the last event that took a text out of its log, until that is erased
//	confab:0:{b42}:replicas       string   the most that its primary was ever seen to have
//	confab:0:{b42}:addresses      zset     of the replicas of the last day, by when they were seen
//	confab:0:name:n               string   who has the name now
//	confab:0:rate:what:who        string   as above, for what is not a post
//	confab:0:eraser               string   which process erases, see erase.go
//	confab:0:probe:p              string   and channel, on which a process tries writing and its subscription
//	confab:0:secret:n             string   what all servers have to know
//	confab:0:deposit:kind:hash    string   what waits to be withdrawn, see deposit.go
//	confab:0:sessions:u           hash     generation; "session id" → made, used, device; "ended id" → when, see sessions.go
//	confab:0:signouts             zset     users by when a session of theirs was ended
//	confab:0:version              string   of this table
package redis

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"confab/shared/store"

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
	target      // where Redis is
	keys        keyspace
	log         *slog.Logger
	appender    appender
	batcher     *batcher
	sub         *subscription
	replication *replication // nil when the primary's word is enough
	counted     localCounters
	count       counters

	run    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool       // nothing is added to wg any more
}

// Open connects and returns once Redis answered, or with an error that names
// the address (never the password) when it does not. It is a [store.Opener].
//
// The URL is redis://, or rediss:// for TLS. With ?master_name= it names a
// Sentinel, with ?cluster=true or several addr= a Cluster. Of what the driver
// takes there, conn_max_idle_time counts too.
func Open(ctx context.Context, opts store.Options) (store.Store, error) {
	s, err := newStore(ctx, opts)
	if err == nil {
		err = s.tryOut(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newStore makes a store that has not asked Redis for anything yet. It has to
// be closed, also with an error.
func newStore(ctx context.Context, opts store.Options) (*Store, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.History <= 0 {
		opts.History = math.MaxInt32
	}
	s := &Store{opts: opts, log: opts.Log}
	s.run, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if s.target, err = dial(opts); err != nil {
		return s, err
	}
	s.keys = newKeyspace(cmp.Or(opts.Prefix, defaultPrefix), s.db)
	if s.replication, err = newReplication(s, s.opts.Durability); err != nil {
		return s, err
	}
	s.rdb.AddHook(&s.count)
	s.appender.settings = settings{
		maxEvents: s.opts.History, maxAge: s.opts.Retention, publish: s.replication == nil, named: !s.clustered(),
		maxBytes: s.opts.HistoryBytes,
		rate:     store.Rate{PerSecond: s.opts.PostsPerSecond, Burst: s.opts.PostBurst}, day: store.Day(s.opts.PostsPerDay),
		countRooms: s.opts.RoomsPerDay > 0,
	}
	s.batcher = newBatcher(s)
	s.sub = newSubscription(s)
	if !s.batcher.single {
		s.start(s.batcher.work)
	}
	if s.replication != nil && s.replication.quorum.majority {
		s.start(s.replication.watch)
	}
	s.start(s.newEraser().work)
	return s, nil
}

// Secret keeps a secret that all servers have to know, the first one that is
// offered, and returns it.
func (s *Store) Secret(ctx context.Context, name string, offer []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	pipe.SetNX(ctx, s.keys.secret(name), offer, 0)
	get := pipe.Get(ctx, s.keys.secret(name))
	_, _ = pipe.Exec(ctx) // a Redis that takes no writes may have it
	secret, err := get.Bytes()
	if err != nil {
		return nil, store.Unavailable("read the secret "+name, err)
	}
	return secret, nil
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
	if s.replication != nil {
		err = s.replication.close()
	}
	if s.rdb != nil {
		err = errors.Join(err, s.rdb.Close())
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
