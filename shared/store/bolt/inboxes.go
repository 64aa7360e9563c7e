package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

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

// Mark is that of [store.Inboxes].
func (s *Store) Mark(_ context.Context, user string, room chat.RoomID, id chat.ID) (at chat.ID, err error) {
	key := append(userMarks(user), room...)
	err = errClosed
	s.chore(func() {
		err = s.update(func(b *batch) error {
			marks := b.tx.Bucket(marksBucket)
			if at, err = readMark(key, marks.Get(key)); err != nil {
				return err
			}
			if !id.After(at) {
				return errNothing
			}
			at = id
			if err := marks.Put(key, seal(key, appendID(nil, id))); err != nil {
				return err
			}
			return dropOldestMark(marks, userMarks(user), key)
		})
	})
	switch {
	case errors.Is(err, errNothing):
		return at, nil
	case err != nil:
		return chat.ID{}, store.Unavailable("mark what was read", err)
	}
	s.feeds.deliverInbox(user, chat.Signal{Kind: chat.Read, Room: room, ID: id})
	return at, nil
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
