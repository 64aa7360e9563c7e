// Package bolt is the built-in engine of the store: all rooms in one file, for
// one process, on bbolt, a B+tree with transactions.
//
// Everything that may not be lost is in the file: the logs of the rooms, what
// is known of a room beside its log, and idempotency keys. What passes by is in
// memory: who is here, who has a name now, rates, signals. A follower is told
// of an event directly after the commit that wrote it.
//
// One goroutine writes, see [Store.write]. What waits while it commits is
// written together by the next commit, and each commit is synced: an event that
// was acknowledged survives the death of the machine.
//
// The file, confab.db, has these buckets. Numbers are big-endian, so that keys
// sort as they count; a value begins with a checksum of its key and itself.
//
//	confab    version: of all this
//	rooms     name → number of the room, last id, events in its log, their bytes, creator, title
//	log       number, id → time, prev, event (JSON)
//	edits     number, target, id: the event whose text stands for that of its target; → emoji: the first reaction with it
//	rights    number, s → settings, and how many there are of what follows
//	          number, m, user → role, name; number, b, user → a ban; number, i, id → an invite;
//	          number, l, user → when they spoke last in a slow room
//	users     n, name → user, when the name was used; a, user → what is kept to know them again;
//	          s, user → sessions, and which of them were ended
//	active    second, name → creator: rooms by when they were last active, about
//	keys N    number → hash of room, user and idempotency key, id, prev, time, hash of the body
//
// The buckets keys N are generations, see [keyring].
//
// Decision: bbolt with a sync at each commit, and no mode without it. A B+tree
// that was not synced may be lost as a whole when the power fails, not only its
// end.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const closeTimeout = time.Second // of a damaged file

// A Store is all rooms. Its methods are safe for concurrent use.
type Store struct {
	opts   store.Options
	log    *slog.Logger
	clock  func() time.Time
	db     *bbolt.DB
	file   *os.File // of db, which owns it
	folder *os.File // holds the lock of the folder

	calls  chan *call  // appends that wait
	chores chan func() // what else the writing goroutine has to do
	feeds  feeds
	here   attendance
	rates  rates
	keys   keyring
	count  counters
	health health
	erased eraser
	// forgets says that a room may have a retention of its own.
	forgets atomic.Bool

	deposits deposits
	tasks    taken
	sessions sessions
	marks    marks

	// Each short transaction that reads holds reads for reading. Whoever holds
	// it for writing knows that there is none.
	reads     sync.RWMutex
	snapshots int // long transactions that read; owned by the writing goroutine

	run    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
}

// Open opens the file, or makes it. It fails, in a sentence that names
// DATA_DIR, when the file cannot be read or written, is damaged, is of another
// version, or is another server's; then it has changed nothing.
//
// It is a [store.Opener].
func Open(ctx context.Context, opts store.Options) (store.Store, error) {
	if d := opts.Durability; d != "" && d != "primary" {
		return nil, fmt.Errorf("DURABILITY is %q, but the built-in store has no replicas: set REDIS_URL", d)
	}
	return open(ctx, opts, time.Now)
}

func open(ctx context.Context, opts store.Options, clock func() time.Time) (*Store, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.History <= 0 {
		opts.History = math.MaxInt32
	}
	s := &Store{
		opts: opts, log: opts.Log, clock: clock,
		calls: make(chan *call, maxBatch), chores: make(chan func()),
	}
	var err error
	if s.folder, err = lockFolder(opts.Dir); err != nil {
		return nil, err
	}
	if s.db, s.file, err = openFolder(ctx, opts, clock); err != nil {
		return nil, errors.Join(err, s.folder.Close())
	}
	if err := s.view(s.remember); err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_DIR: %w", explain(s.db.Path(), err)), s.db.Close(), s.folder.Close())
	}
	s.forgets.Store(true) // until the rooms were looked at once
	s.run, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(s.write)
	s.wg.Go(s.tidy)
	s.wg.Go(s.serveBackups)
	return s, nil
}

// remember reads what of the file is in memory too.
func (s *Store) remember(tx *bbolt.Tx) (err error) {
	if s.keys, err = openKeyring(tx); err != nil {
		return err
	}
	s.here.owned, err = readNames(tx.Bucket(usersBucket))
	return err
}

// Close ends all followers and closes the file. Posts that wait are answered
// with [chat.ErrUnavailable].
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() {
		s.cancel()
		s.wg.Wait()
		s.feeds.close()
		s.reads.Lock() // whoever reads now has finished
		defer s.reads.Unlock()
		err = errors.Join(s.closeFile(), s.folder.Close())
	})
	return err
}

// closeFile closes the file. bbolt may be stuck after damage, in a transaction
// that panicked and could not be rolled back; then it is left, and its lock
// goes with the file.
func (s *Store) closeFile() error {
	if s.health.refuses() == nil {
		return s.db.Close()
	}
	closed := make(chan error, 1)
	go func() { closed <- s.db.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTimeout):
		return s.file.Close()
	}
}

// Address is where the rooms are, as far as that may be shown: nowhere but
// here.
func (s *Store) Address() string { return "" }
