package bolt

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const (
	mostSlack  = 128              // events that a room may have above what it keeps, until they go together
	tidyEvery  = 20 * time.Second // how often the rooms are looked at, at least where they forget with time
	tidySoon   = 100 * time.Millisecond
	tidyPage   = 256    // rooms that are looked at together
	trimLookup = 20_000 // events that are looked at, at most, to find what is too old
)

// slack is how many events a room may have above what it keeps: so many go
// together, because taking out one at each append would write twice as much.
func slack(history int) int { return min(history/10, mostSlack) }

// An excess is what a room has too much of.
type excess struct {
	events int
	bytes  uint64 // of events
}

// excess is what has to go of a room's log: nothing until it is a little above
// what it keeps, then down to that in events, and a little below it in bytes.
func (s *Store) excess(rec record) (over excess) {
	if n, history := int(rec.count), rec.history(s.opts); n > history+slack(history) {
		over.events = n - history
	}
	if most := uint64(s.opts.HistoryBytes); most > 0 && rec.bytes > most {
		over.bytes = rec.bytes - (most - most/64)
	}
	return over
}

// trim takes out of a room's log what is too much or too old to keep, but no
// more than the transaction's budget: the next append, or tidy, goes on.
func (b *batch) trim(rec *record, retention int, now time.Time) error {
	over := b.store.excess(*rec)
	age := shorter(b.store.opts.Retention, retention)
	if over == (excess{}) && age <= 0 {
		return nil
	}
	keys, err := b.store.tooOld(b.log, *rec, over, b.budget, age, now)
	if err != nil {
		return err
	}
	b.budget -= len(keys)
	for _, key := range keys {
		if err := b.remove(rec, key); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	last := keys[len(keys)-1]
	if err := b.forgetNotices(*rec, logID(last)); err != nil {
		return err
	}
	return b.forgetEdits(rec.number, last)
}

// history is how many events the room keeps.
func (r record) history(opts store.Options) int {
	if r.inbox {
		return min(opts.History, chat.MaxInbox)
	}
	return opts.History
}

// shorter is how long a room keeps a line: as long as the server, or so many
// seconds if that is less. 0 is for ever in both.
func shorter(server time.Duration, room int) time.Duration {
	own := time.Duration(room) * time.Second
	if own <= 0 || server > 0 && server < own {
		return server
	}
	return own
}

// tooOld returns the keys of a room's first events: those that are too many, and
// those that are too old, but no more than most, and never the last one for its
// bytes. An event from a time that is still to come, because the clock was set
// back, is as old as the one after it.
func (s *Store) tooOld(log *bbolt.Bucket, rec record, over excess, most int, age time.Duration, now time.Time) ([][]byte, error) {
	var keys [][]byte
	old, bytes := 0, uint64(0)
	byAge, oldest := age > 0, now.Add(-age)
	cur, prefix := log.Cursor(), roomKey(rec.number)
	for k, v := cur.Seek(prefix); hasPrefix(k, prefix) && old < most && len(keys) < trimLookup; k, v = cur.Next() {
		keys = append(keys, slices.Clone(k))
		if len(keys) <= over.events || bytes < over.bytes && logID(k) != rec.last {
			old, bytes = len(keys), bytes+eventBytes(v)
			continue
		}
		if !byAge {
			break
		}
		e, err := decodeEntry(k, v)
		if err != nil {
			return nil, err
		}
		switch {
		case e.at.Before(oldest):
			old = len(keys)
		case !e.at.After(now):
			return keys[:min(old, most)], nil
		}
	}
	return keys[:min(old, most)], nil
}

// forgetEdits forgets which edits there are of events up to one that was taken
// out. They stay in the log for as long as others.
func (b *batch) forgetEdits(number uint32, upTo []byte) error {
	cur, prefix := b.edits.Cursor(), roomKey(number)
	var stale [][]byte
	for k, _ := cur.Seek(prefix); hasPrefix(k, prefix) && len(stale) < trimBudget; k, _ = cur.Next() {
		if bytes.Compare(k[:len(upTo)], upTo) > 0 {
			break
		}
		stale = append(stale, bytes.Clone(k))
	}
	for _, k := range stale {
		if err := b.edits.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// tidy does, until the store is closed, what no append waits for: rooms forget
// what is too old or too much though nobody posts there, what was taken out is
// erased from the file, and memory is given back.
func (s *Store) tidy() {
	s.trimRooms() // what is kept may be less than before
	s.erase(true) // what a process that died had not erased
	every := tidyEvery
	if s.opts.Retention > 0 {
		every = max(tidySoon, min(every, s.opts.Retention/4))
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.run.Done():
			return
		}
		if s.opts.Retention > 0 || s.forgets.Load() {
			s.trimRooms()
		}
		if s.erased.take() {
			s.erase(false)
		}
		s.here.sweep(time.Now())
		s.saveNames()
		s.deposits.sweep(time.Now())
		s.keepSessions()
		s.rates.sweep(time.Now())
	}
}

// trimRooms goes round all rooms, a page at a time.
func (s *Store) trimRooms() {
	s.forgets.Store(false)
	for next := []byte{}; next != nil && s.run.Err() == nil; {
		var due [][]byte
		err := s.view(func(tx *bbolt.Tx) (err error) {
			due, next, err = s.dueRooms(tx, next)
			return err
		})
		if err != nil {
			s.log.Warn("rooms not trimmed", "err", err)
			return
		}
		for _, name := range due {
			s.trimRoom(name)
		}
	}
}

// dueRooms are those of a page of rooms that have something to forget, and
// where the next page begins.
func (s *Store) dueRooms(tx *bbolt.Tx, from []byte) (due [][]byte, next []byte, err error) {
	now := s.clock()
	cur, log, known := tx.Bucket(roomsBucket).Cursor(), tx.Bucket(logBucket), tx.Bucket(rightsBucket)
	n := 0
	for k, v := cur.Seek(from); k != nil; k, v = cur.Next() {
		if n++; n > tidyPage {
			return due, bytes.Clone(k), nil
		}
		rec, err := decodeRecord(k, v)
		if err != nil {
			return nil, nil, err
		}
		r, err := readRights(known, rec.number)
		if err != nil {
			return nil, nil, err
		}
		if r.Retention > 0 {
			s.forgets.Store(true)
		}
		is := s.excess(rec) != (excess{}) || s.expired(rec, r, now)
		if age := shorter(s.opts.Retention, r.Retention); !is && age > 0 {
			old, err := s.tooOld(log, rec, excess{}, 1, age, now)
			if err != nil {
				return nil, nil, err
			}
			is = len(old) > 0
		}
		if is {
			due = append(due, bytes.Clone(k))
		}
	}
	return due, nil, nil
}

// expired reports whether a room is empty and was silent for so long that it is
// forgotten. One that somebody made or changed stays.
func (s *Store) expired(rec record, r rights, now time.Time) bool {
	return !r.ruled && s.opts.Retention > 0 && rec.number != 0 && rec.count == 0 && now.Sub(rec.last.Time()) > s.opts.Retention+store.EmptyRoomLife
}

func (b *batch) forget(name []byte, rec record) error {
	if rec.indexed != 0 {
		if err := b.active.Delete(activeKey(rec.indexed, chat.RoomID(name))); err != nil {
			return err
		}
	}
	return b.rooms.Delete(name)
}

// trimRoom trims a room, so much at a time that posts in between do not wait.
func (s *Store) trimRoom(name []byte) {
	for more := true; more; {
		ran := s.chore(func() {
			more = false
			err := s.update(func(b *batch) error {
				rec, err := decodeRecord(name, b.rooms.Get(name))
				if err != nil {
					return err
				}
				r, err := readRights(b.rights, rec.number)
				if err != nil {
					return err
				}
				if err = b.trim(&rec, r.Retention, s.clock()); err != nil {
					return err
				}
				if s.expired(rec, r, s.clock()) {
					return b.forget(name, rec)
				}
				if !b.removed {
					return errNothing
				}
				more = b.budget == 0
				return b.rooms.Put(name, seal(name, rec.encode()))
			})
			if err != nil && !errors.Is(err, errNothing) {
				more = false
			}
		})
		if !ran {
			return
		}
	}
}
