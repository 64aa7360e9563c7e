package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const (
	sessionsPrefix = 's' // in the bucket users

	sessionsPage   = 256       // users whose sessions are written together
	forgetEvery    = time.Hour // how often it is looked for sessions that are not used any more
	signOutsAtOnce = 10_000    // that are kept
)

// A person is what is known of a user beside what the user says.
type person struct {
	Generation int              `json:"generation,omitempty"`
	Sessions   []chat.Session   `json:"sessions,omitempty"`
	Ended      map[string]int64 `json:"ended,omitempty"`   // session → when
	Renewed    int64            `json:"renewed,omitempty"` // when the generation began
}

// Sessions are what is in memory of who is signed in: which sessions were used
// since that was written last, and who signed out lately. The zero value is
// nothing.
type sessions struct {
	mu       sync.Mutex                // guards what follows
	used     map[string][]chat.Session // by user
	signOuts []chat.SignOut            // the latest last
	forgot   time.Time                 // when those that are not used were looked for last
}

// UseSession is that of [store.Sessions].
func (s *Store) UseSession(_ context.Context, user string, of chat.Session) (int64, error) {
	now := s.clock().UnixMilli()
	p, err := s.person(user)
	if err != nil {
		return 0, err
	}
	if _, ended := p.Ended[of.ID]; ended || p.Generation > of.Generation {
		return 0, store.ErrSignedOut
	}
	if of.ID != "" {
		of.Used = now
		s.sessions.note(user, of)
	}
	return now, nil
}

func (n *sessions) note(user string, of chat.Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.used == nil {
		n.used = map[string][]chat.Session{}
	}
	n.used[user] = merge(n.used[user], of)
}

// unsaved returns what a user used since it was written last.
func (n *sessions) unsaved(user string) []chat.Session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.used[user])
}

// saved forgets what was written, unless it was used again meanwhile.
func (n *sessions) saved(user string, written []chat.Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used[user] = slices.DeleteFunc(n.used[user], func(one chat.Session) bool { return slices.Contains(written, one) })
	if len(n.used[user]) == 0 {
		delete(n.used, user)
	}
}

// merge puts a session in its place among others, the one that was used last
// first.
func merge(list []chat.Session, of chat.Session) []chat.Session {
	i := slices.IndexFunc(list, func(one chat.Session) bool { return one.ID == of.ID })
	if i < 0 {
		of.Made = cmp.Or(of.Made, of.Used)
		list = append(list, of)
	} else {
		list[i].Used, list[i].Device = of.Used, cmp.Or(of.Device, list[i].Device)
	}
	slices.SortStableFunc(list, func(a, b chat.Session) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), strings.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), chat.MaxSessions)]
}

// person reads what is known of a user, of the file and of memory.
func (s *Store) person(user string) (p person, err error) {
	used := s.sessions.unsaved(user) // before the file, or what is written meanwhile is in neither
	err = s.view(func(tx *bbolt.Tx) (err error) {
		p, err = readPerson(tx.Bucket(usersBucket), user)
		return err
	})
	p.add(used)
	return p, err
}

func readPerson(bucket *bbolt.Bucket, user string) (p person, err error) {
	key := usersKey(sessionsPrefix, user)
	sealed := bucket.Get(key)
	if sealed == nil {
		return p, nil
	}
	b, err := unseal(key, sealed)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return p, fmt.Errorf("%w: what is known of a user: %w", errDamaged, err)
	}
	return p, nil
}

// add adds the sessions that were used, unless they were ended meanwhile.
func (p *person) add(used []chat.Session) {
	for _, of := range used {
		if _, ended := p.Ended[of.ID]; !ended && of.Generation >= p.Generation {
			p.Sessions = merge(p.Sessions, of)
		}
	}
}

// forget drops what is too old to matter, and reports whether nothing is left.
func (p *person) forget(now time.Time) (empty bool) {
	p.Sessions = slices.DeleteFunc(p.Sessions, func(one chat.Session) bool {
		return one.Used < now.Add(-store.SessionLife).UnixMilli()
	})
	ended := now.Add(-store.EndedLife).UnixMilli()
	maps.DeleteFunc(p.Ended, func(_ string, at int64) bool { return at < ended })
	if p.Renewed < ended {
		p.Generation, p.Renewed = 0, 0
	}
	return len(p.Sessions) == 0 && len(p.Ended) == 0 && p.Generation == 0
}

// Sessions is that of [store.Sessions].
func (s *Store) Sessions(_ context.Context, user string) ([]chat.Session, error) {
	p, err := s.person(user)
	p.forget(s.clock())
	return p.Sessions, err
}

// EndSession is that of [store.Sessions].
func (s *Store) EndSession(_ context.Context, user, id string) error {
	return s.signOut(user, func(p *person, now int64) {
		p.Sessions = slices.DeleteFunc(p.Sessions, func(one chat.Session) bool { return one.ID == id })
		if p.Ended == nil {
			p.Ended = map[string]int64{}
		}
		p.Ended[id] = now
	})
}

// EndSessions is that of [store.Sessions].
func (s *Store) EndSessions(_ context.Context, user string) (generation int, err error) {
	err = s.signOut(user, func(p *person, now int64) {
		*p = person{Generation: p.Generation + 1, Renewed: now}
		generation = p.Generation
	})
	return generation, err
}

// Generation is that of [store.Sessions].
func (s *Store) Generation(_ context.Context, user string) (int, error) {
	p, err := s.person(user)
	return p.Generation, err
}

// signOut changes what is known of a user, for good when it returns.
func (s *Store) signOut(user string, change func(p *person, now int64)) error {
	now := s.clock().UnixMilli()
	if err := s.changePeople([]string{user}, func(p *person) { change(p, now) }); err != nil {
		return err
	}
	n := &s.sessions
	n.mu.Lock()
	defer n.mu.Unlock()
	n.signOuts = append(n.signOuts, chat.SignOut{User: user, At: s.clock().UnixMilli()})
	n.signOuts = n.signOuts[max(0, len(n.signOuts)-signOutsAtOnce):]
	return nil
}

// changePeople changes what is known of some users, in one commit.
func (s *Store) changePeople(users []string, change func(p *person)) error {
	written := map[string][]chat.Session{}
	err := s.change("write sessions", func(b *batch) error {
		for _, user := range users {
			p, err := readPerson(b.users, user)
			if err != nil {
				return err
			}
			written[user] = s.sessions.unsaved(user)
			p.add(written[user])
			change(&p)
			if err := b.putPerson(user, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for user, list := range written { // what is in memory is there until it is in the file
		s.sessions.saved(user, list)
	}
	return nil
}

func (b *batch) putPerson(user string, p person) error {
	key := usersKey(sessionsPrefix, user)
	if p.forget(b.now) {
		return b.users.Delete(key)
	}
	return b.users.Put(key, seal(key, chat.JSON(p)))
}

// SignedOut is that of [store.Sessions].
func (s *Store) SignedOut(_ context.Context, after int64) (outs []chat.SignOut, now int64, err error) {
	now = s.clock().UnixMilli()
	if after > now { // the clock was set back since
		after = 0
	}
	n := &s.sessions
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.signOuts {
		if one.At >= after {
			outs = append(outs, one)
		}
	}
	return outs, now, nil
}

// keepSessions writes down which sessions were used, so many users at a time
// that posts do not wait, and now and then forgets those that are not.
func (s *Store) keepSessions() {
	n := &s.sessions
	n.mu.Lock()
	users := slices.Collect(maps.Keys(n.used))
	kept := s.clock().Add(-store.SignOutsKept).UnixMilli()
	n.signOuts = slices.DeleteFunc(n.signOuts, func(one chat.SignOut) bool { return one.At < kept })
	due := s.clock().Sub(n.forgot) >= forgetEvery
	if due {
		n.forgot = s.clock()
	}
	n.mu.Unlock()
	if due {
		users = append(users, s.unusedSessions()...)
	}
	for page := range slices.Chunk(users, sessionsPage) {
		if err := s.changePeople(page, func(*person) {}); err != nil && s.run.Err() == nil {
			s.log.Warn("sessions not written", "err", err)
			return
		}
	}
}

// unusedSessions are the users of whom something is known that is too old to
// matter. They are looked at a page at a time.
func (s *Store) unusedSessions() (users []string) {
	now := s.clock()
	prefix := []byte{sessionsPrefix}
	for next := prefix; next != nil; {
		err := s.view(func(tx *bbolt.Tx) error {
			bucket, n := tx.Bucket(usersBucket), 0
			cur := bucket.Cursor()
			key, _ := cur.Seek(next)
			for next = nil; hasPrefix(key, prefix); key, _ = cur.Next() {
				if n++; n > sessionsPage {
					next = bytes.Clone(key)
					return nil
				}
				user := string(key[len(prefix):])
				p, err := readPerson(bucket, user)
				if err != nil {
					return err
				}
				if p.forget(now) {
					users = append(users, user)
				}
			}
			return nil
		})
		if err != nil {
			s.log.Warn("sessions not looked at", "err", err)
			return users
		}
	}
	return users
}
