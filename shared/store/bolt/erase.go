package bolt

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

const (
	erasePages = 64  // pages that are overwritten while posts wait
	readPages  = 256 // pages that are looked at while posts wait
)

// An eraser knows whether there is something to erase.
type eraser struct{ due atomic.Bool }

func (e *eraser) note()      { e.due.Store(true) }
func (e *eraser) take() bool { return e.due.Swap(false) }

// erase overwrites all free pages with zeros. bbolt changes no page in place: it
// writes a new one and frees the old one, whose bytes stay in the file until it
// is used again. So what was taken out of the log is in free pages, and nowhere
// else. With all set, it overwrites what is behind the last page, too, where a
// commit that failed may have left something.
//
// It goes on in steps, between which posts are written. Pages that are freed
// meanwhile never held what was taken out before it began.
func (s *Store) erase(all bool) {
	for next := uint64(1); next > 0; {
		var err error
		if !s.chore(func() { next, err = s.eraseStep(next, all) }) {
			return
		}
		if err != nil {
			s.log.Warn("free pages not erased", "file", fileName, "err", err)
			return
		}
	}
}

// eraseStep overwrites some free pages from one on, and returns where to go on,
// or 0. They are synced at once, or the next commit had to wait for all of them.
func (s *Store) eraseStep(from uint64, all bool) (next uint64, err error) {
	if s.snapshots > 0 { // its pages may be free by now
		s.erased.note()
		return 0, nil
	}
	wiped := 0
	err = guard(func() error {
		s.reads.Lock() // so that pages which were freed are free: nobody reads them any more
		tx, err := s.db.Begin(true)
		s.reads.Unlock()
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		free, err := s.freePages(tx, all)
		if err != nil {
			return err
		}
		wiped, next, err = s.overwrite(tx, free, from)
		return err
	})
	if err == nil && wiped > 0 {
		err = s.db.Sync()
	}
	if err != nil {
		s.health.failed(err)
	}
	return next, err
}

func (s *Store) overwrite(tx *bbolt.Tx, free []uint64, from uint64) (wiped int, next uint64, err error) {
	size := uint64(s.db.Info().PageSize)
	page, zeros := make([]byte, size), make([]byte, size)
	read := 0
	for _, id := range free {
		if id < from {
			continue
		}
		if read == readPages || wiped == erasePages {
			return wiped, id, nil
		}
		read++
		if _, err := s.file.ReadAt(page, int64(id*size)); err != nil && err != io.EOF {
			return wiped, 0, err
		}
		if bytes.Equal(page, zeros) {
			continue
		}
		if info, err := tx.Page(int(id)); err != nil || (info != nil && info.Type != "free") {
			return wiped, 0, fmt.Errorf("%w: page %d is free and used: %w", errDamaged, id, err)
		}
		if _, err := s.file.WriteAt(zeros, int64(id*size)); err != nil {
			return wiped, 0, err
		}
		wiped++
	}
	return wiped, 0, nil
}

// freePages reads the ids of all free pages, sorted, as of the last commit; with
// all set, also of those behind the last page.
func (s *Store) freePages(tx *bbolt.Tx, all bool) ([]uint64, error) {
	size := int64(s.db.Info().PageSize)
	ids, err := readFreelist(s.file, size, uint64(tx.ID()-1), uint64(tx.Size()/size))
	if err != nil || !all {
		return ids, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	for id := tx.Size() / size; id < info.Size()/size; id++ {
		ids = append(ids, uint64(id))
	}
	return ids, nil
}
