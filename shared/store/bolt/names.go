package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const (
	namePrefix    = 'n' // in the bucket users
	accountPrefix = 'a'

	// saveNamesEvery is how far what the file says of a name's use may be behind.
	saveNamesEvery = 24 * time.Hour
)

// An ownedName belongs to a user for good. All of them are in memory, and in the
// file.
type ownedName struct {
	owner string
	used  time.Time // last
	saved time.Time // the use that is in the file
}

// lasts reports whether the name was used lately enough.
func (o ownedName) lasts(now time.Time) bool { return now.Sub(o.used) < store.NameLife }

func (o ownedName) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(o.used.Unix())), o.owner...)
}

func usersKey(prefix byte, of string) []byte { return append([]byte{prefix}, of...) }

// readNames reads the names that somebody owns.
func readNames(users *bbolt.Bucket) (map[string]ownedName, error) {
	all := map[string]ownedName{}
	cur, prefix := users.Cursor(), []byte{namePrefix}
	for k, sealed := cur.Seek(prefix); hasPrefix(k, prefix); k, sealed = cur.Next() {
		v, err := unseal(k, sealed)
		if err != nil {
			return nil, err
		}
		if len(v) < 8 {
			return nil, fmt.Errorf("%w: an owned name has %d bytes", errDamaged, len(v))
		}
		used := time.Unix(int64(binary.BigEndian.Uint64(v)), 0)
		all[string(k[1:])] = ownedName{string(v[8:]), used, used}
	}
	return all, nil
}

func (b *batch) putName(key string, o ownedName) error {
	k := usersKey(namePrefix, key)
	return b.users.Put(k, seal(k, o.encode()))
}

// another reports whether somebody else has a user's name. It is called with
// a.mu held.
func (a *attendance) another(u chat.User, now time.Time) bool {
	key := chat.NameKey(u.Name)
	if o, ok := a.owned[key]; ok && o.lasts(now) {
		return o.owner != u.ID
	}
	c, ok := a.names[key]
	return ok && c.until.After(now) && c.owner != u.ID
}

// own gives a user their name, and returns what there was before.
func (a *attendance) own(u chat.User, o ownedName) (before ownedName, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.another(u, o.used) {
		return before, chat.ErrNameTaken
	}
	key := chat.NameKey(u.Name)
	before = a.owned[key]
	a.owned[key] = o
	return before, nil
}

func (a *attendance) owns(u chat.User) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owned[chat.NameKey(u.Name)].owner == u.ID
}

// restore puts back what there was before.
func (a *attendance) restore(key string, before ownedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before.owner == "" {
		delete(a.owned, key)
		return
	}
	a.owned[key] = before
}

// Own is that of [store.Names].
func (s *Store) Own(_ context.Context, u chat.User) error {
	now := time.Now()
	mine, key := ownedName{u.ID, now, now}, chat.NameKey(u.Name)
	err := errClosed
	s.chore(func() {
		var before ownedName
		if before, err = s.here.own(u, mine); err != nil {
			return
		}
		if err = s.update(func(b *batch) error { return b.putName(key, mine) }); err != nil {
			s.here.restore(key, before)
		}
	})
	if err == nil || errors.Is(err, chat.ErrNameTaken) {
		return err
	}
	return store.Unavailable("own a name", err)
}

// Disown is that of [store.Names].
func (s *Store) Disown(_ context.Context, u chat.User) error {
	key := chat.NameKey(u.Name)
	if !s.here.owns(u) {
		return nil
	}
	err := s.change("disown a name", func(b *batch) error {
		b.removed = true
		return b.users.Delete(usersKey(namePrefix, key))
	})
	if err == nil {
		s.here.restore(key, ownedName{})
	}
	return err
}

// Account is that of [store.Names].
func (s *Store) Account(_ context.Context, user string) (value []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) (err error) {
		value, err = account(tx.Bucket(usersBucket), user)
		return err
	})
	return value, err
}

func account(users *bbolt.Bucket, user string) ([]byte, error) {
	k := usersKey(accountPrefix, user)
	sealed := users.Get(k)
	if sealed == nil {
		return nil, nil
	}
	v, err := unseal(k, sealed)
	return bytes.Clone(v), err
}

// SetAccount is that of [store.Names].
func (s *Store) SetAccount(_ context.Context, user string, old, value []byte) (done bool, err error) {
	err = s.change("write an account", func(b *batch) error {
		kept, err := account(b.users, user)
		if done = err == nil && bytes.Equal(kept, old); !done {
			return err
		}
		k := usersKey(accountPrefix, user)
		b.removed = b.removed || len(kept) > 0
		if len(value) == 0 {
			return b.users.Delete(k)
		}
		return b.users.Put(k, seal(k, value))
	})
	return done && err == nil, err
}

// change has the writing goroutine make a change of the file.
func (s *Store) change(what string, f func(*batch) error) error {
	err := errClosed
	s.chore(func() { err = s.update(f) })
	if err != nil {
		return store.Unavailable(what, err)
	}
	return nil
}

// saveNames writes down which names were used, and forgets those that nobody
// used for long.
func (s *Store) saveNames() {
	now := time.Now()
	used, gone := s.here.unsaved(now)
	if len(used)+len(gone) == 0 {
		return
	}
	err := s.change("save names", func(b *batch) error {
		for key, o := range used {
			if err := b.putName(key, o); err != nil {
				return err
			}
		}
		for _, key := range gone {
			if err := b.users.Delete(usersKey(namePrefix, key)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.log.Warn("names not saved", "err", err)
		return
	}
	s.here.saved(used)
}

// unsaved are the names whose last use is not in the file, and those that are
// nobody's any more, which it forgets.
func (a *attendance) unsaved(now time.Time) (used map[string]ownedName, gone []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	used = map[string]ownedName{}
	for key, o := range a.owned {
		switch {
		case !o.lasts(now):
			gone = append(gone, key)
			delete(a.owned, key)
		case o.used.Sub(o.saved) >= saveNamesEvery:
			used[key] = o
		}
	}
	return used, gone
}

func (a *attendance) saved(used map[string]ownedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, was := range used {
		if o, ok := a.owned[key]; ok && o.owner == was.owner {
			o.saved = was.used
			a.owned[key] = o
		}
	}
}
