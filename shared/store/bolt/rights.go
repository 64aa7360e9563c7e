package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"confab/shared/access"
	"confab/shared/chat"

	"go.etcd.io/bbolt"
)

// What the bucket rights has of a room, by the byte after its number.
const (
	settingsRight = 's'
	memberRight   = 'm'
	banRight      = 'b'
	inviteRight   = 'i'
	spokeRight    = 'l'
)

// Rights are what is known of a room that has rules of its own, and of the
// author of an event in it. The zero value is a room without such rules.
type rights struct {
	chat.Settings
	Owners  int  `json:"owners"`
	Members int  `json:"members"`
	Bans    int  `json:"bans"`
	Invites int  `json:"invites"`
	ruled   bool // it has rules of its own

	role  chat.Role // of the author
	other access.Other
}

func (r *rights) listed() bool {
	return r.Access == "" || r.Access == chat.AccessOpen
}

// rightKey is the key of what a room has under a byte and a name.
func rightKey(number uint32, of byte, name string) []byte {
	return append(append(roomKey(number), of), name...)
}

func readRights(bucket *bbolt.Bucket, number uint32) (r rights, err error) {
	if number == 0 {
		return r, nil
	}
	r.ruled, err = readRight(bucket, rightKey(number, settingsRight, ""), &r)
	return r, err
}

// readRight reads what is under a key as JSON, and reports whether there is
// something.
func readRight(bucket *bbolt.Bucket, key []byte, v any) (found bool, err error) {
	sealed := bucket.Get(key)
	if sealed == nil {
		return false, nil
	}
	b, err := unseal(key, sealed)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return false, fmt.Errorf("%w: what is known of a room: %w", errDamaged, err)
	}
	return true, nil
}

func (b *batch) putRight(key []byte, v any) error {
	return b.rights.Put(key, seal(key, chat.JSON(v)))
}

// factsOf reads the facts about a user in a room, whose rights are these.
func factsOf(bucket *bbolt.Bucket, room chat.RoomID, rec record, r rights, user string, now time.Time) (access.Facts, error) {
	if room.Reader() != "" {
		return access.OfInbox(user, room), nil
	}
	f := access.Facts{Complete: true, Room: access.Room{
		Settings: r.Settings, Exists: r.ruled || !rec.last.IsZero(), Hidden: room.Hidden(),
		Owners: r.Owners, Members: r.Members, Bans: r.Bans, Invites: r.Invites,
	}}
	if !r.ruled {
		return f, nil
	}
	role, err := readRole(bucket, rec.number, user)
	if err != nil {
		return f, err
	}
	f.Role = role
	_, err = readRight(bucket, rightKey(rec.number, banRight, user), &f.Ban)
	if over(f.Ban.Until, now) {
		f.Ban = chat.Banning{}
	}
	return f, err
}

func over(until int64, now time.Time) bool { return until != 0 && until <= now.UnixMilli() }

func readRole(bucket *bbolt.Bucket, number uint32, user string) (chat.Role, error) {
	var m chat.Belonging
	found, err := readRight(bucket, rightKey(number, memberRight, user), &m)
	if err != nil || !found {
		return chat.Guest, err
	}
	return chat.ParseRole(m.Role)
}

// allowed asks package access whether an event may be written, by the facts as
// they are in this transaction.
func (b *batch) allowed(c *call, rule chat.Rule, rec record) (*rights, error) {
	r, err := readRights(b.rights, rec.number)
	if err != nil {
		return nil, c.unavailable(err)
	}
	if rule.ByServer {
		if !rec.inbox {
			return nil, access.ErrHidden
		}
		return &r, nil
	}
	if c.ev.AsOperator {
		r.role = chat.Operator
	}
	if !r.ruled && !rule.Settles && !c.ev.Room.Hidden() {
		return &r, nil
	}
	f, err := factsOf(b.rights, c.ev.Room, rec, r, c.ev.By.ID, b.now)
	if err != nil {
		return nil, c.unavailable(err)
	}
	f.Role = max(f.Role, r.role)
	if err := b.countGood(c.ev, rec.number, &f.Room); err != nil {
		return nil, c.unavailable(err)
	}
	if f.Other, err = b.other(c.ev, rec.number); err != nil {
		return nil, c.unavailable(err)
	}
	r.role, r.other = f.Role, f.Other
	return &r, access.May(c.ev.By, access.Append(c.ev), f)
}

// countGood counts the bans, or the invites, of a room that has about as many as
// it may: some of them may be over.
func (b *batch) countGood(ev chat.Event, number uint32, room *access.Room) error {
	if ev.Member.Ban != "" && room.Bans >= chat.MaxBans {
		over, err := b.overdue(number, banRight)
		room.Bans -= len(over)
		return err
	}
	if ev.Set.Invite.ID != "" && room.Invites >= chat.MaxInvites {
		over, err := b.overdue(number, inviteRight)
		room.Invites -= len(over)
		return err
	}
	return nil
}

// overdue are the keys of the bans, or the invites, that are over.
func (b *batch) overdue(number uint32, of byte) (keys [][]byte, err error) {
	for _, key := range keysWith(b.rights, rightKey(number, of, ""), math.MaxInt) {
		var v struct{ Until int64 }
		if _, err := readRight(b.rights, key, &v); err != nil {
			return nil, err
		}
		if over(v.Until, b.now) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// other reads what has to be known of whom an event is about.
func (b *batch) other(ev chat.Event, number uint32) (o access.Other, err error) {
	if ev.Kind != chat.Standings {
		return o, nil
	}
	if o.Role, err = readRole(b.rights, number, ev.Member.User.ID); err != nil {
		return o, err
	}
	var ban chat.Banning
	if o.Banned, err = readRight(b.rights, rightKey(number, banRight, ev.Member.User.ID), &ban); err != nil {
		return o, err
	}
	o.Banned = o.Banned && !over(ban.Until, b.now)
	if ev.Member.Invite != "" {
		_, err = readRight(b.rights, rightKey(number, inviteRight, ev.Member.Invite), &o.Invite)
		if over(o.Invite.Until, b.now) {
			o.Invite = chat.Invite{}
		}
	}
	return o, err
}

// Facts is that of [store.Rights].
func (s *Store) Facts(_ context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error) {
	all := make([]access.Facts, len(rooms))
	err := s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(rightsBucket)
		for i, room := range rooms {
			rec, err := readRoom(tx, room)
			if err != nil {
				return err
			}
			r, err := readRights(bucket, rec.number)
			if err != nil {
				return err
			}
			if all[i], err = factsOf(bucket, room, rec, r, user, s.clock()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	return all, nil
}

// Members is that of [store.Rights].
func (s *Store) Members(_ context.Context, room chat.RoomID) ([]chat.Belonging, error) {
	return readAll[chat.Belonging](s, room, memberRight)
}

// Bans is that of [store.Rights].
func (s *Store) Bans(_ context.Context, room chat.RoomID) ([]chat.Banning, error) {
	all, err := readAll[chat.Banning](s, room, banRight)
	return inForce(all, s.clock(), func(b chat.Banning) int64 { return b.Until }), err
}

// Invites is that of [store.Rights].
func (s *Store) Invites(_ context.Context, room chat.RoomID) ([]chat.Invite, error) {
	all, err := readAll[chat.Invite](s, room, inviteRight)
	return inForce(all, s.clock(), func(in chat.Invite) int64 { return in.Until }), err
}

func inForce[T any](all []T, now time.Time, until func(T) int64) []T {
	var good []T
	for _, v := range all {
		if !over(until(v), now) {
			good = append(good, v)
		}
	}
	return good
}

// readAll reads all that a room has under a byte.
func readAll[T any](s *Store, room chat.RoomID, of byte) (all []T, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		rec, err := readRoom(tx, room)
		if err != nil || rec.number == 0 {
			return err
		}
		bucket, prefix := tx.Bucket(rightsBucket), rightKey(rec.number, of, "")
		cur := bucket.Cursor()
		for k, _ := cur.Seek(prefix); hasPrefix(k, prefix); k, _ = cur.Next() {
			var v T
			if _, err := readRight(bucket, bytes.Clone(k), &v); err != nil {
				return err
			}
			all = append(all, v)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rights in %s: %w", room, err)
	}
	return all, nil
}
