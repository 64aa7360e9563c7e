package bolt

import (
	"context"
	"math"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const indexEvery = 30 // seconds after which a room is put in its new place in the bucket active

// Append writes an event that [chat.Compose] made into its room's log and tells
// the room's followers. The event comes back with its id and prev. An event
// whose author used its key within the last [store.KeyLife] is not written
// again: replayed is true and the first one's id comes back.
//
// Errors are those of [store.Log]; [chat.ErrUnavailable] is that the file could
// not be written.
func (s *Store) Append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error) {
	c := &call{ctx: ctx, ev: ev, body: store.Encode(ev), done: make(chan struct{})}
	if ev.Key != "" {
		c.hash, c.digest = hashKey(ev.Room, ev.By.ID, ev.Key), store.Digest(ev)
	}
	if err := s.do(c); err != nil {
		return chat.Line{}, false, err
	}
	return c.line, c.replayed, nil
}

// append writes one event, unless a rule refuses it; nothing is written then.
// Another failure than a refusal ends the batch.
func (b *batch) append(c *call) (refused, failed error) {
	name := []byte(c.ev.Room)
	rec, err := decodeRecord(name, b.rooms.Get(name))
	if err != nil {
		return c.unavailable(err), nil
	}
	rule, _ := c.ev.Kind.Rule()
	rights, err := b.allowed(c, rule, rec)
	if err != nil {
		return err, nil
	}
	found, err := b.findNotice(c, rule, rec)
	if err == nil && !found {
		found, err = b.findKey(c)
	}
	if err != nil || found {
		return err, nil
	}
	if err := b.store.countRoom(c.ev, rule, rec); err != nil {
		return err, nil
	}
	if err := b.checkSlow(c, rule, rec.number, rights); err != nil {
		return err, nil
	}
	if err := b.store.countPost(c.ev, rule, rights); err != nil {
		return err, nil
	}
	if rule.Target != "" {
		if err := b.checkTarget(c, rule, rec, rights.role); err != nil {
			return err, nil
		}
	}
	if store.ClaimsName(c.ev, rule) && !b.store.here.claim(c.ev.By) {
		return chat.ErrNameTaken, nil
	}
	if err := b.store.countDay(c.ev, rule, rec.creator, rights); err != nil {
		return err, nil
	}
	return nil, b.put(c, rule, name, rec, rights)
}

func (b *batch) checkTarget(c *call, rule chat.Rule, rec record, by chat.Role) error {
	key := logKey(rec.number, c.ev.Target)
	sealed := b.log.Get(key)
	if sealed == nil {
		return store.ErrNoTarget
	}
	e, err := decodeEntry(key, sealed)
	if err != nil {
		return c.unavailable(err)
	}
	target, err := e.event(key)
	c.overrule = target.By.ID != c.ev.By.ID
	switch {
	case err != nil:
		return c.unavailable(err)
	case target.Kind != rule.Target:
		return store.ErrNoTarget
	case rule.Own && target.By.ID != c.ev.By.ID && !rule.Overruled(by):
		return store.ErrNotAuthor
	case rule.Emoji && !c.ev.Off && !b.mayReact(rec, c.ev):
		return store.ErrEmoji
	}
	return nil
}

// mayReact reports whether an emoji is one of a message's already, or may be one
// more.
func (b *batch) mayReact(rec record, ev chat.Event) bool {
	return b.has(rec, ev) || len(b.emojis(rec, ev.Target)) < chat.MaxReactions
}

func (b *batch) has(rec record, ev chat.Event) bool {
	return slices.Contains(b.emojis(rec, ev.Target), ev.Emoji)
}

// emojis are the different reactions to a message: the values of what is about
// it in the bucket edits, where an edit has none.
func (b *batch) emojis(rec record, target chat.ID) (all []string) {
	cur, prefix := b.edits.Cursor(), logKey(rec.number, target)
	for k, v := cur.Seek(prefix); hasPrefix(k, prefix); k, v = cur.Next() {
		if len(v) > 0 {
			all = append(all, string(v))
		}
	}
	return all
}

// put gives an event that no rule refuses its id, and writes it.
func (b *batch) put(c *call, rule chat.Rule, name []byte, rec record, rights *rights) error {
	now := b.store.clock()
	// Ids rise whatever the clock does, and even if the log was emptied.
	us := uint64(now.UnixMicro())
	id := chat.ID{MS: us / 1000, Seq: us % 1000}
	if !id.After(rec.last) {
		id = rec.last.Next()
	}
	c.ev = position(id, rec.last, now).Give(c.ev)
	c.ev.AsOperator = false
	c.written = true
	return b.write(c, rule, name, rec, rights, now)
}

// write writes an event that has its id, and what follows from it.
func (b *batch) write(c *call, rule chat.Rule, name []byte, rec record, rights *rights, at time.Time) error {
	if rec.number == 0 {
		n, err := b.rooms.NextSequence()
		if err != nil {
			return err
		}
		rec.number, rec.creator = uint32(n), c.ev.By.ID
	}
	if rule.RemovesText {
		if err := b.remove(&rec, logKey(rec.number, c.ev.Target)); err != nil {
			return err
		}
	}
	if rule.RemovesText || rule.ReplacesText {
		if err := b.removeEdits(&rec, c.ev.Target); err != nil {
			return err
		}
	}
	if rule.ReplacesText {
		if err := b.replaceText(&rec, c.ev); err != nil {
			return err
		}
		if err := b.edits.Put(editKey(rec.number, c.ev.Target, c.ev.ID), []byte{}); err != nil {
			return err
		}
	}
	if rule.Emoji && !c.ev.Off && !b.has(rec, c.ev) {
		if err := b.edits.Put(editKey(rec.number, c.ev.Target, c.ev.ID), []byte(c.ev.Emoji)); err != nil {
			return err
		}
	}
	if rule.Sets == "title" && c.ev.SetsTitle() {
		rec.title = c.ev.Text
	}
	key := logKey(rec.number, c.ev.ID)
	if err := b.log.Put(key, seal(key, entry{at: at, prev: c.ev.Prev, body: c.body}.encode())); err != nil {
		return err
	}
	rec.last = c.ev.ID
	rec.count++
	rec.bytes += uint64(len(c.body))
	if err := b.settleRights(c, rule, &rec, rights); err != nil {
		return err
	}
	if err := b.noteConcern(c, rights.other.Role); err != nil {
		return err
	}
	if err := b.noteAudit(c, rule, at); err != nil {
		return err
	}
	if err := b.trim(&rec, rights.Retention, b.now); err != nil {
		return err
	}
	if err := b.index(&rec, c.ev.Room, rights.listed() && !rec.inbox, uint64(at.Unix())); err != nil {
		return err
	}
	if err := b.rooms.Put(name, seal(name, rec.encode())); err != nil {
		return err
	}
	if rule.ByServer {
		return b.noteNotice(c, rec)
	}
	b.noteKey(c)
	return nil
}

// removeEdits takes out of the log what replaced an event's text before.
func (b *batch) removeEdits(rec *record, target chat.ID) error {
	prefix := logKey(rec.number, target)
	for _, key := range keysWith(b.edits, prefix, math.MaxInt) {
		if len(b.edits.Get(key)) > 0 { // a reaction
			continue
		}
		if err := b.remove(rec, logKey(rec.number, readID(key[len(prefix):]))); err != nil {
			return err
		}
		if err := b.edits.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// replaceText gives the event that an edit is about the edit's text. A journal
// of an earlier version may not have it any more.
func (b *batch) replaceText(rec *record, edit chat.Event) error {
	key := logKey(rec.number, edit.Target)
	sealed := b.log.Get(key)
	if sealed == nil {
		return nil
	}
	e, err := decodeEntry(key, sealed)
	if err != nil {
		return err
	}
	ev, err := e.event(key)
	if err != nil {
		return err
	}
	ev.Text = edit.Text
	rec.bytes -= uint64(len(e.body))
	e.body = store.Encode(ev)
	rec.bytes += uint64(len(e.body))
	b.removed = true
	return b.log.Put(key, seal(key, e.encode()))
}

// remove takes an event out of the log, if it is there.
func (b *batch) remove(rec *record, key []byte) error {
	sealed := b.log.Get(key)
	if sealed == nil {
		return nil
	}
	rec.count--
	rec.bytes -= min(rec.bytes, eventBytes(sealed))
	b.removed = true
	return b.log.Delete(key)
}

// index puts a room in its place among the active ones, now and then, if it is
// to be listed at all.
func (b *batch) index(rec *record, room chat.RoomID, listed bool, now uint64) error {
	if !listed {
		if rec.indexed == 0 {
			return nil
		}
		key := activeKey(rec.indexed, room)
		rec.indexed = 0
		return b.active.Delete(key)
	}
	if rec.indexed != 0 && now < rec.indexed+indexEvery && rec.indexed <= now {
		return nil
	}
	if rec.indexed != 0 {
		if err := b.active.Delete(activeKey(rec.indexed, room)); err != nil {
			return err
		}
	}
	rec.indexed = now
	return b.active.Put(activeKey(now, room), []byte(rec.creator))
}

// keysWith returns copies of up to n keys that begin with a prefix.
func keysWith(bucket *bbolt.Bucket, prefix []byte, n int) [][]byte {
	var keys [][]byte
	cur := bucket.Cursor()
	for k, _ := cur.Seek(prefix); len(keys) < n && hasPrefix(k, prefix); k, _ = cur.Next() {
		keys = append(keys, append([]byte(nil), k...))
	}
	return keys
}
