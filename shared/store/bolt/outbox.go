package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

// A concern is what the bucket outbox has of an event.
type concern struct {
	chat.Source
	Was chat.Role `json:"was,omitempty"`
}

// Taken is which tasks somebody has, and since when. It is in memory: a process
// that starts has none.
type taken struct {
	mu    sync.Mutex // guards what follows
	since map[string]time.Time
}

// noteConcern puts an event into the outbox of which people have to hear. What
// is read in from elsewhere was heard of.
func (b *batch) noteConcern(c *call, was chat.Role) error {
	if !c.written || !c.ev.Concerns() {
		return nil
	}
	n, err := b.outbox.NextSequence()
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, n)
	return b.outbox.Put(key, seal(key, chat.JSON(concern{chat.Source{Room: c.ev.Room, ID: c.ev.ID}, was})))
}

// Tasks is that of [store.Outbox]. All rooms are kept together here.
func (s *Store) Tasks(_ context.Context, n int, _ ...chat.RoomID) (tasks []chat.Task, err error) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	now := s.clock()
	err = s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(outboxBucket)
		cur := bucket.Cursor()
		for k, _ := cur.First(); k != nil && len(tasks) < n; k, _ = cur.Next() {
			if since, ok := s.tasks.since[string(k)]; ok && now.Sub(since).Abs() < store.TaskLife {
				continue
			}
			var c concern
			if _, err := readRight(bucket, bytes.Clone(k), &c); err != nil {
				return err
			}
			tasks = append(tasks, chat.Task{Source: c.Source, Was: c.Was, Receipt: string(k)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	if s.tasks.since == nil {
		s.tasks.since = map[string]time.Time{}
	}
	for _, t := range tasks {
		s.tasks.since[t.Receipt] = now
	}
	return tasks, nil
}

// Finish is that of [store.Outbox].
func (s *Store) Finish(_ context.Context, tasks ...chat.Task) error {
	err := errClosed
	s.chore(func() {
		err = s.update(func(b *batch) error {
			for _, t := range tasks {
				if err := b.outbox.Delete([]byte(t.Receipt)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return store.Unavailable("finish a task", err)
	}
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	for _, t := range tasks {
		delete(s.tasks.since, t.Receipt)
	}
	return nil
}

// The keys of notices are kept apart from those of posts: as long as the notice,
// so that it is written once, however late it is tried again.

func noticeKey(number uint32, c *call) []byte { return append(roomKey(number), c.hash...) }

// findNotice looks whether an inbox has a notice.
func (b *batch) findNotice(c *call, rule chat.Rule, rec record) (found bool, err error) {
	if !rule.ByServer || c.hash == nil || rec.number == 0 {
		return false, nil
	}
	key := noticeKey(rec.number, c)
	sealed := b.notices.Get(key)
	if sealed == nil {
		return false, nil
	}
	v, err := unseal(key, sealed)
	if err == nil && len(v) < positionBytes {
		err = fmt.Errorf("%w: a notice's key has %d bytes", errDamaged, len(v))
	}
	if err != nil {
		return false, c.unavailable(err)
	}
	return true, c.repeats(readPosition(v), string(v[positionBytes:]))
}

func (b *batch) noteNotice(c *call, rec record) error {
	if c.hash == nil {
		return nil
	}
	key := noticeKey(rec.number, c)
	return b.notices.Put(key, seal(key, append(c.position(), c.digest...)))
}

// forgetNotices forgets the keys of the notices up to one that was taken out of
// its inbox.
func (b *batch) forgetNotices(rec record, upTo chat.ID) error {
	if !rec.inbox {
		return nil
	}
	for _, key := range keysWith(b.notices, roomKey(rec.number), math.MaxInt) {
		v, err := unseal(key, b.notices.Get(key))
		if err != nil {
			return err
		}
		if !readID(v).After(upTo) {
			if err := b.notices.Delete(key); err != nil {
				return err
			}
		}
	}
	return nil
}
