package bolt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"confab/shared/chat"

	"go.etcd.io/bbolt"
)

// noteAudit keeps an event by which somebody changed a room, or what others said
// in it. The bucket's sequence is how many it has.
func (b *batch) noteAudit(c *call, rule chat.Rule, at time.Time) error {
	always, overruling := rule.Audits()
	if !c.written || !always && !(overruling && c.overrule) {
		return nil
	}
	place := c.ev.ID
	if last, _ := b.audit.Cursor().Last(); last != nil && !place.After(readID(last)) {
		place = readID(last).Next()
	}
	key := appendID(nil, place)
	value := append(appendID(nil, c.ev.ID), entry{at: at, prev: c.ev.Prev, body: c.body}.encode()...)
	if err := b.audit.Put(key, seal(key, value)); err != nil {
		return err
	}
	return b.trimAudit(b.audit.Sequence() + 1)
}

// trimAudit takes out what is too much or too old, of how many there are.
func (b *batch) trimAudit(count uint64) error {
	cur := b.audit.Cursor()
	for k, v := cur.First(); k != nil; k, v = cur.First() {
		e, err := readAudited(k, v)
		if err != nil {
			return err
		}
		if count <= chat.MaxAudit && !b.store.outdated(e.Event, b.now) {
			break
		}
		if err := b.audit.Delete(k); err != nil {
			return err
		}
		count--
	}
	return b.audit.SetSequence(count)
}

func (s *Store) outdated(ev chat.Event, now time.Time) bool {
	return s.opts.Retention > 0 && ev.Time().Before(now.Add(-s.opts.Retention))
}

func readAudited(key, sealed []byte) (a chat.Audited, err error) {
	v, err := unseal(key, sealed)
	if err == nil && len(v) < idBytes+entryBytes {
		err = fmt.Errorf("%w: an audited event has %d bytes", errDamaged, len(v))
	}
	if err != nil {
		return a, err
	}
	log := logKey(0, readID(v))
	e, err := decodeEntry(log, seal(log, v[idBytes:]))
	if err != nil {
		return a, err
	}
	a.At = readID(key)
	a.Event, err = e.event(log)
	return a, err
}

// Audit is that of [store.Audit].
func (s *Store) Audit(_ context.Context, after chat.Opt[chat.ID], n int) (all []chat.Audited, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		cur := tx.Bucket(auditBucket).Cursor()
		next, k, v := cur.Prev, []byte(nil), []byte(nil)
		if after.Given {
			next = cur.Next
			k, v = cur.Seek(appendID(nil, after.Value.Next()))
		} else {
			k, v = cur.Last()
		}
		for ; k != nil && len(all) < n; k, v = next() {
			a, err := readAudited(k, v)
			if err != nil {
				return err
			}
			if !s.outdated(a.Event, s.clock()) {
				all = append(all, a)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	if !after.Given {
		slices.Reverse(all)
	}
	return all, nil
}
