package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	maxBatch      = 256                     // appends in one commit, at most
	trimBudget    = 512                     // events, and as many keys, that a commit takes out because of their age or number
	fillPercent   = 0.9                     // of a page, when it is split: a log grows at its end
	answerTimeout = 2500 * time.Millisecond // a post, waiting and all
)

var (
	errClosed  = errors.New("the store is closed")
	errNothing = errors.New("there is nothing to commit")
)

// A call is one append and what came of it.
type call struct {
	ctx      context.Context
	ev       chat.Event // with id and prev once it was written, or was found
	line     chat.Line  // of it
	body     []byte
	hash     []byte // of room, user and idempotency key; nil: there is none
	digest   string
	written  bool
	overrule bool // its target is another user's
	replayed bool
	err      error
	done     chan struct{}
}

// do has an append made, or gives up in time for the answer.
func (s *Store) do(c *call) error {
	ctx, cancel := context.WithTimeout(c.ctx, answerTimeout)
	defer cancel()
	c.ctx = ctx
	room := c.ev.Room // the writing goroutine owns the event once it has the call
	select {
	case s.calls <- c:
	case <-s.run.Done():
		return unavailable(room, errClosed)
	case <-ctx.Done():
		return unavailable(room, context.Cause(ctx))
	}
	select {
	case <-c.done:
		return c.err
	case <-s.run.Done():
		return unavailable(room, errClosed)
	case <-ctx.Done():
		return unavailable(room, context.Cause(ctx))
	}
}

func (c *call) unavailable(err error) error { return unavailable(c.ev.Room, err) }

func unavailable(room chat.RoomID, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return store.Full("append to "+string(room), err)
	}
	return store.Unavailable("append to "+string(room), err)
}

// write makes all changes of the file, until the store is closed. Whatever
// waits while one commit is under way goes into the next, so that concurrent
// posts share its syncs without a timer. Chores are bounded, and done in between:
// a post waits for one at most, as long as all that waits fits into one commit.
func (s *Store) write() {
	debug.SetPanicOnFault(true) // see guard
	for {
		select {
		case c := <-s.calls:
			s.commit(s.gather(c))
		default:
		}
		select {
		case c := <-s.calls:
			s.commit(s.gather(c))
		case chore := <-s.chores:
			chore()
		case <-s.run.Done():
			return
		}
	}
}

func (s *Store) gather(first *call) []*call {
	batch := []*call{first}
	for len(batch) < maxBatch && len(s.calls) > 0 {
		batch = append(batch, <-s.calls)
	}
	return batch
}

// chore has f run by the writing goroutine, and returns when it was. It reports
// false when the store was closed before.
func (s *Store) chore(f func()) bool {
	s.count.chores.Add(1)
	done := make(chan struct{})
	select {
	case s.chores <- func() { defer close(done); f() }:
	case <-s.run.Done():
		return false
	}
	<-done
	return true
}

// commit answers every call of a batch. Followers look at an event before its
// author is answered: on one core what was made ready last goes first.
func (s *Store) commit(calls []*call) {
	err := s.update(func(b *batch) error {
		wrote := false
		for _, c := range calls {
			if c.err = c.ctx.Err(); c.err != nil { // its caller has gone
				continue
			}
			var failed error
			if c.err, failed = b.append(c); failed != nil {
				return failed
			}
			wrote = wrote || c.written
		}
		if !wrote {
			return errNothing
		}
		return nil
	})
	for _, c := range calls {
		switch {
		case c.err != nil:
		case c.written && err != nil:
			s.health.unsure = append(s.health.unsure, c.ev.Shown())
			c.err = c.unavailable(err)
		case err != nil && !errors.Is(err, errNothing): // it was not looked at
			c.err = c.unavailable(err)
		default:
			c.line = store.Join(c.ev, c.body)
		}
		if c.err == nil && c.written {
			s.feeds.deliver(c.line)
		}
		close(c.done)
	}
}

// A batch is one transaction that writes.
type batch struct {
	store *Store
	tx    *bbolt.Tx
	rooms, log,
	edits, active, rights, users, outbox, notices, audit *bbolt.Bucket
	now     time.Time // when it began
	keys    keyBatch
	budget  int  // of what may still be taken out of the log because of its age or number
	removed bool // something was taken out that is to be erased
}

// update runs f in a transaction and commits it, unless f fails. Only the
// writing goroutine calls it.
func (s *Store) update(f func(*batch) error) error {
	if err := s.health.refuses(); err != nil {
		return err
	}
	var keys keyBatch
	removed, left := false, trimBudget
	var there []chat.Event
	err := guard(func() error {
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // also after a panic; after Commit it does nothing
		b := s.batch(tx)
		if there, err = b.settle(); err == nil {
			err = f(b)
		}
		if err == nil {
			err = b.putKeys()
		}
		if err != nil {
			return err
		}
		keys, removed, left = b.keys, b.removed, b.budget
		return tx.Commit()
	})
	switch {
	case errors.Is(err, errNothing):
		return err
	case err != nil:
		s.count.failed.Add(1)
		s.log.Error("commit failed", "file", fileName, "err", err)
		s.health.failed(err)
		return fmt.Errorf("write %s: %w", fileName, err)
	}
	s.count.commits.Add(1)
	s.count.trimmed.Store(max(s.count.trimmed.Load(), uint64(trimBudget-left)))
	s.health.succeeded()
	s.health.unsure = nil
	s.keys.committed(keys, s.clock())
	for _, ev := range there {
		s.feeds.deliver(chat.NewLine(ev))
	}
	if removed {
		s.erased.note()
	}
	return nil
}

func (s *Store) batch(tx *bbolt.Tx) *batch {
	b := &batch{
		store: s, tx: tx, now: s.clock(), budget: trimBudget,
		rooms: tx.Bucket(roomsBucket), log: tx.Bucket(logBucket), edits: tx.Bucket(editsBucket), active: tx.Bucket(activeBucket),
		rights: tx.Bucket(rightsBucket), users: tx.Bucket(usersBucket),
		outbox: tx.Bucket(outboxBucket), notices: tx.Bucket(noticeBucket), audit: tx.Bucket(auditBucket),
	}
	b.log.FillPercent = fillPercent
	return b
}

// view runs f in a transaction that only reads, and must be short: one that
// writes may have to wait for it.
func (s *Store) view(f func(*bbolt.Tx) error) error {
	s.reads.RLock()
	defer s.reads.RUnlock()
	err := guard(func() error { return s.db.View(f) })
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return store.Unavailable("read "+fileName, errClosed)
	case errors.Is(err, errDamaged):
		s.log.Error("file is damaged", "file", fileName, "err", err)
		return store.Unavailable("read "+fileName, err)
	}
	return err
}

// guard turns a panic of f into an error. A page whose bytes are not what bbolt
// wrote makes it panic, or read outside of the file.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}
