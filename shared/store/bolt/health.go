package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

const (
	readyWithin = time.Second
	probeBytes  = 64 << 10 // what has to find a place after a commit failed
)

var probeKey = []byte("probe")

// Health is what came of the last commits.
type health struct {
	mu      sync.Mutex // guards what follows
	damaged error      // nothing is written any more
	failing error      // the last commit failed

	// unsure are events of commits that failed: a disk that fails to sync the
	// very last page of a commit may have it nevertheless. Owned by the writing
	// goroutine.
	unsure []chat.Event
}

// refuses returns why nothing is written any more, if so.
func (h *health) refuses() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damaged
}

func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if errors.Is(err, errDamaged) {
		h.damaged = err
	}
	h.failing = err
}

func (h *health) succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing = nil
}

func (h *health) state() (damaged, failing error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damaged, h.failing
}

// Ready reports, by a nil error, that posts are written: the writing goroutine
// answers, and the last commit succeeded. After one that failed it tries
// whether there is room again.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	result := make(chan error, 1)
	select {
	case s.chores <- func() { result <- s.probe() }:
	case <-s.run.Done():
		return store.Unavailable("ready", errClosed)
	case <-ctx.Done():
		return store.Unavailable("ready", fmt.Errorf("%s is not written: %w", fileName, context.Cause(ctx)))
	}
	select {
	case err := <-result:
		if err != nil {
			return store.Unavailable("ready", err)
		}
		return nil
	case <-ctx.Done():
		return store.Unavailable("ready", fmt.Errorf("%s is not written: %w", fileName, context.Cause(ctx)))
	}
}

// probe writes something that is not small, and takes it out again, if the last
// commit failed.
func (s *Store) probe() error {
	damaged, failing := s.health.state()
	if damaged != nil || failing == nil {
		return damaged
	}
	err := s.update(func(b *batch) error {
		return b.tx.Bucket(confabBucket).Put(probeKey, make([]byte, probeBytes))
	})
	if err != nil {
		return err
	}
	return s.update(func(b *batch) error { return b.tx.Bucket(confabBucket).Delete(probeKey) })
}

// settle returns those events of commits that failed that are in the file
// nevertheless: as soon as another commit succeeds they are there for good. The
// others never will be.
func (b *batch) settle() (there []chat.Event, err error) {
	for _, ev := range b.store.health.unsure {
		rec, err := decodeRecord([]byte(ev.Room), b.rooms.Get([]byte(ev.Room)))
		if err != nil {
			return nil, err
		}
		key := logKey(rec.number, ev.ID)
		sealed := b.log.Get(key)
		if sealed == nil {
			continue
		}
		got, err := decodeEvent(key, sealed)
		if err != nil {
			return nil, err
		}
		if got == ev {
			there = append(there, ev)
		}
	}
	b.store.health.unsure = there
	return there, nil
}

// counters are written once a commit or a chore.
type counters struct {
	commits, failed, chores atomic.Uint64
	trimmed                 atomic.Uint64 // the most events that a commit took out because of their age or number
}

// Stats tells how the store does.
func (s *Store) Stats() store.Stats {
	return store.Stats{Commits: s.count.commits.Load(), FailedCommits: s.count.failed.Load()}
}
