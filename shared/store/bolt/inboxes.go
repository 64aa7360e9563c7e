package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

type inboxFollower struct {
	f func(user string, sig chat.Signal)
}

// FollowInboxes is that of [store.Inboxes]. Nothing is ever missed here.
func (s *Store) FollowInboxes(ctx context.Context, f func(user string, sig chat.Signal)) {
	one := &inboxFollower{f}
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	if s.feeds.closed {
		return
	}
	s.feeds.inbox = append(slices.Clip(s.feeds.inbox), one)
	context.AfterFunc(ctx, func() {
		s.feeds.mu.Lock()
		defer s.feeds.mu.Unlock()
		s.feeds.inbox = slices.DeleteFunc(slices.Clone(s.feeds.inbox), func(g *inboxFollower) bool { return g == one })
	})
}

func (fs *feeds) deliverInbox(user string, sig chat.Signal) {
	fs.mu.Lock()
	all := fs.inbox // what it holds is never changed in place
	fs.mu.Unlock()
	for _, one := range all {
		one.f(user, sig)
	}
}

// userMarks is what the keys of a user's marks begin with. No id holds a zero
// byte.
func userMarks(user string) []byte { return append([]byte(user), 0) }

// A markCall is one mark and what came of it.
type markCall struct {
	user string
	room chat.RoomID
	id   chat.ID // and where the mark is, once it was written
	err  error
	done chan struct{}
}

// Marks wait to be written in one commit. Many readers of a room may read the same
// line in the same moment.
type marks struct {
	mu   sync.Mutex // guards what follows
	wait []*markCall
}

// Mark is that of [store.Inboxes].
func (s *Store) Mark(_ context.Context, user string, room chat.RoomID, id chat.ID) (chat.ID, error) {
	c := &markCall{user: user, room: room, id: id, done: make(chan struct{})}
	s.marks.mu.Lock()
	s.marks.wait = append(s.marks.wait, c)
	first := len(s.marks.wait) == 1 // who has all of them written
	s.marks.mu.Unlock()
	if first && !s.chore(s.writeMarks) {
		return chat.ID{}, store.Unavailable("mark what was read", errClosed)
	}
	select {
	case <-c.done:
	case <-s.run.Done():
		return chat.ID{}, store.Unavailable("mark what was read", errClosed)
	}
	if c.err != nil {
		return chat.ID{}, store.Unavailable("mark what was read", c.err)
	}
	return c.id, nil
}

// writeMarks writes all that wait.
func (s *Store) writeMarks() {
	s.marks.mu.Lock()
	calls := s.marks.wait
	s.marks.wait = nil
	s.marks.mu.Unlock()
	var moved []*markCall
	err := s.update(func(b *batch) error {
		bucket := b.tx.Bucket(marksBucket)
		for _, c := range calls {
			is, err := c.write(bucket)
			if err != nil {
				return err
			}
			if is {
				moved = append(moved, c)
			}
		}
		if len(moved) == 0 {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	for _, c := range moved {
		if err == nil {
			s.feeds.deliverInbox(c.user, chat.Signal{Kind: chat.Read, Room: c.room, ID: c.id})
		}
	}
	for _, c := range calls {
		c.err = err
		close(c.done)
	}
}

// write moves the mark, or else says where it is.
func (c *markCall) write(bucket *bbolt.Bucket) (moved bool, err error) {
	key := append(userMarks(c.user), c.room...)
	at, err := readMark(key, bucket.Get(key))
	if err != nil || !c.id.After(at) {
		c.id = at
		return false, err
	}
	if err := bucket.Put(key, seal(key, appendID(nil, c.id))); err != nil {
		return false, err
	}
	return true, dropOldestMark(bucket, userMarks(c.user), key)
}

// dropOldestMark takes one of a user's marks out where there are too many.
func dropOldestMark(marks *bbolt.Bucket, prefix, kept []byte) error {
	all := keysWith(marks, prefix, chat.MaxReadMarks+1)
	if len(all) <= chat.MaxReadMarks {
		return nil
	}
	var least []byte
	var at chat.ID
	for _, key := range all {
		id, err := readMark(key, marks.Get(key))
		if err != nil {
			return err
		}
		if !bytes.Equal(key, kept) && (least == nil || at.After(id)) {
			least, at = key, id
		}
	}
	return marks.Delete(least)
}

func readMark(key, sealed []byte) (id chat.ID, err error) {
	if sealed == nil {
		return id, nil
	}
	v, err := unseal(key, sealed)
	if err == nil && len(v) != idBytes {
		err = fmt.Errorf("%w: a mark has %d bytes", errDamaged, len(v))
	}
	if err != nil {
		return id, err
	}
	return readID(v), nil
}

// Marks is that of [store.Inboxes].
func (s *Store) Marks(_ context.Context, user string) (map[chat.RoomID]chat.ID, error) {
	all := map[chat.RoomID]chat.ID{}
	err := s.view(func(tx *bbolt.Tx) (err error) {
		prefix := userMarks(user)
		cur := tx.Bucket(marksBucket).Cursor()
		for k, v := cur.Seek(prefix); hasPrefix(k, prefix); k, v = cur.Next() {
			if all[chat.RoomID(k[len(prefix):])], err = readMark(k, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was read: %w", err)
	}
	return all, nil
}

// EraseInbox is that of [store.Inboxes].
func (s *Store) EraseInbox(_ context.Context, user string) error {
	err := errClosed
	s.chore(func() {
		err = s.update(func(b *batch) error { return b.eraseInbox([]byte(chat.Inbox(user)), userMarks(user)) })
	})
	if err != nil {
		return store.Unavailable("erase an inbox", err)
	}
	return nil
}

func (b *batch) eraseInbox(name, marks []byte) error {
	rec, err := decodeRecord(name, b.rooms.Get(name))
	if err != nil {
		return err
	}
	all := map[*bbolt.Bucket][]byte{b.tx.Bucket(marksBucket): marks}
	if rec.number != 0 {
		all[b.log], all[b.notices] = roomKey(rec.number), roomKey(rec.number)
	}
	for bucket, prefix := range all {
		for _, key := range keysWith(bucket, prefix, math.MaxInt) {
			if err := bucket.Delete(key); err != nil {
				return err
			}
		}
	}
	b.removed = true
	return b.rooms.Delete(name)
}
