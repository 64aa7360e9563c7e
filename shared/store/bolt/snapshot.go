package bolt

import (
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// A snapshot is all rooms as of one commit. While it is open the file grows
// instead of being used again, and nothing is erased.
type snapshot struct {
	tx   *bbolt.Tx
	free map[int64]bool // pages
	page int64          // bytes
}

// snapshot begins one. Only the writing goroutine calls it, or one that has the
// file for itself.
func (s *Store) snapshot() (*snapshot, error) {
	snap := &snapshot{free: map[int64]bool{}, page: int64(s.db.Info().PageSize)}
	err := guard(func() error {
		s.reads.Lock() // see eraseStep
		write, err := s.db.Begin(true)
		s.reads.Unlock()
		if err != nil {
			return err
		}
		defer func() { _ = write.Rollback() }()
		ids, err := s.freePages(write, false)
		if err != nil {
			return err
		}
		for _, id := range ids {
			snap.free[int64(id)] = true
		}
		snap.tx, err = s.db.Begin(false)
		return err
	})
	return snap, err
}

func (snap *snapshot) size() int64 { return snap.tx.Size() }

// WriteTo writes a file that can be opened. Its free pages are zeros: what was
// deleted is not in it.
func (snap *snapshot) WriteTo(w io.Writer) (int64, error) {
	var n int64
	err := guard(func() (err error) {
		n, err = snap.tx.WriteTo(&withoutFree{snap: snap, w: w})
		return err
	})
	return n, err
}

// A withoutFree writes what is written to it, with zeros for free pages.
type withoutFree struct {
	snap *snapshot
	w    io.Writer
	at   int64
	buf  []byte
}

func (f *withoutFree) Write(b []byte) (int, error) {
	f.buf = append(f.buf[:0], b...)
	size := f.snap.page
	for from := int64(0); from < int64(len(b)); {
		to := min(int64(len(b)), from+size-(f.at+from)%size)
		if f.snap.free[(f.at+from)/size] {
			clear(f.buf[from:to])
		}
		from = to
	}
	n, err := f.w.Write(f.buf)
	f.at += int64(n)
	return n, err
}

// A Copied says what a backup holds.
type Copied struct {
	Rooms, Events int
	Bytes         int64
}

func (c Copied) String() string {
	return fmt.Sprintf("rooms: %d, events: %d, %d KB", c.Rooms, c.Events, (c.Bytes+1023)/1024)
}

// verify reads all of a file.
func verify(db *bbolt.DB) (c Copied, err error) {
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			c.Bytes = tx.Size()
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return c.count(string(name), b) })
		})
	})
	return c, err
}

func (c *Copied) count(name string, b *bbolt.Bucket) error {
	sealed := name != string(editsBucket) && name != string(activeBucket)
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			return fmt.Errorf("%w: a bucket in the bucket %s", errDamaged, name)
		}
		if !sealed || (name == string(confabBucket) && string(k) != string(versionKey)) {
			return nil
		}
		_, err := unseal(k, v)
		switch name {
		case string(roomsBucket):
			c.Rooms++
		case string(logBucket):
			c.Events++
		}
		return err
	})
}
