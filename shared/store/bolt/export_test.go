package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

// Limits of what is done while posts wait.
const (
	TrimBudget = trimBudget
	ErasePages = erasePages
)

// OpenAt is Open by another clock.
func OpenAt(ctx context.Context, opts store.Options, clock func() time.Time) (*Store, error) {
	return open(ctx, opts, clock)
}

// AgeKeys makes everything that is known of idempotency keys older, as if so
// much time had passed.
func (s *Store) AgeKeys(by time.Duration) {
	s.chore(func() {
		for _, g := range s.keys.kept {
			g.since = g.since.Add(-by)
		}
	})
}

// SaveNames does at once what tidy does in time.
func (s *Store) SaveNames() { s.saveNames() }

// AgeName makes the last use of an owned name older, in the file too.
func (s *Store) AgeName(name string, by time.Duration) {
	s.here.mu.Lock()
	key := chat.NameKey(name)
	o := s.here.owned[key]
	o.used = o.used.Add(-by)
	o.saved = o.used.Add(-saveNamesEvery)
	s.here.owned[key] = o
	s.here.mu.Unlock()
	s.saveNames()
}

// AgeTasks makes what was handed out of the outbox older.
func (s *Store) AgeTasks(by time.Duration) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	for k, since := range s.tasks.since {
		s.tasks.since[k] = since.Add(-by)
	}
}

// EraseNow does at once what tidy does in time.
func (s *Store) EraseNow() {
	s.erased.take()
	s.erase(false)
}

// Verify reads all of an open file.
func Verify(s *Store) (Copied, error) { return verify(s.db) }

// CountChores returns how many chores f gave to the writing goroutine.
func (s *Store) CountChores(f func()) int {
	before := s.count.chores.Load()
	f()
	return int(s.count.chores.Load() - before)
}

// SetVersion makes the file of a folder one of another version.
func SetVersion(dir string, version uint32) error {
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o600, options())
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(confabBucket).Put(versionKey, seal(versionKey, binary.BigEndian.AppendUint32(nil, version)))
	})
	return errors.Join(err, db.Close())
}

// KeyBuckets counts the generations of keys in the file.
func (s *Store) KeyBuckets() (n int) {
	_ = s.view(func(tx *bbolt.Tx) error {
		r, err := openKeyring(tx)
		n = len(r.kept) + len(r.oldest)
		return err
	})
	return n
}

// Commits counts what was written.
func (s *Store) Commits() int { return int(s.count.commits.Load()) }

// MostTrimmed is how many events one commit took out at most.
func (s *Store) MostTrimmed() int { return int(s.count.trimmed.Load()) }

// KeepSessions writes down which sessions were used.
func (s *Store) KeepSessions() { s.keepSessions() }
