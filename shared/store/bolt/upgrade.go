package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

// bringUpToDate makes a file of an earlier version one of this version, in one
// transaction. A server of before does not open it any more: it would not keep
// to the rights in it.
//
// The first servers that wrote version 1 left the old texts of edited messages in
// the log, where a server of now would show them; a later file that was one of
// version 1 may have them too.
func bringUpToDate(db *bbolt.DB, opts store.Options) error {
	version := binary.BigEndian.AppendUint32(nil, fileVersion)
	sealed := seal(versionKey, version)
	return guard(func() error {
		counted, current := false, false
		err := db.View(func(tx *bbolt.Tx) error {
			counted = bytes.Equal(tx.Bucket(confabBucket).Get(versionKey), sealed)
			current = counted
			for _, name := range laterBuckets {
				current = current && tx.Bucket(name) != nil
			}
			return nil
		})
		if err != nil || current {
			return err
		}
		opts.Log.Info("bringing the file of an earlier version up to date", "file", fileName)
		return db.Update(func(tx *bbolt.Tx) error {
			for _, name := range laterBuckets {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			if counted {
				return nil
			}
			s := &Store{opts: opts, log: opts.Log, clock: time.Now, db: db}
			if err := s.batch(tx).upgradeRooms(); err != nil {
				return err
			}
			return tx.Bucket(confabBucket).Put(versionKey, sealed)
		})
	})
}

func (b *batch) upgradeRooms() error {
	var names [][]byte
	cur := b.rooms.Cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		names = append(names, bytes.Clone(k))
	}
	for _, name := range names {
		rec, err := decodeEarlierRecord(name, b.rooms.Get(name))
		if err == nil {
			err = b.upgradeRoom(&rec)
		}
		if err != nil {
			return fmt.Errorf("room %q: %w", name, err)
		}
		if err := b.rooms.Put(name, seal(name, rec.encode())); err != nil {
			return err
		}
	}
	return nil
}

// decodeEarlierRecord reads a record in which the bytes of a room are missing.
func decodeEarlierRecord(name, sealed []byte) (record, error) {
	const at = 4 + idBytes + 4 + 8 // where they are now
	b, err := unseal(name, sealed)
	if err != nil {
		return record{}, err
	}
	if len(b) < at {
		return record{}, fmt.Errorf("%w: what is known of a room has %d bytes", errDamaged, len(b))
	}
	return decodeRecord(name, seal(name, slices.Insert(bytes.Clone(b), at, make([]byte, 8)...)))
}

// upgradeRoom counts the bytes of a room, takes out edits that others replaced,
// and gives the messages that they are about the text of the last.
func (b *batch) upgradeRoom(rec *record) error {
	edits := map[chat.ID]chat.Event{} // the last of each target
	var replaced [][]byte
	cur, prefix := b.log.Cursor(), roomKey(rec.number)
	for k, v := cur.Seek(prefix); hasPrefix(k, prefix); k, v = cur.Next() {
		ev, err := decodeEvent(k, v)
		if err != nil {
			return err
		}
		rec.bytes += eventBytes(v)
		if rule, _ := ev.Kind.Rule(); !rule.ReplacesText {
			continue
		}
		if before, twice := edits[ev.Target]; twice {
			replaced = append(replaced, logKey(rec.number, before.ID))
		}
		edits[ev.Target] = ev
	}
	for _, key := range replaced {
		if err := b.remove(rec, key); err != nil {
			return err
		}
	}
	for _, edit := range edits {
		if err := b.removeReplaced(rec, edit); err != nil {
			return err
		}
		if err := b.replaceText(rec, edit); err != nil {
			return err
		}
	}
	return nil
}

// removeReplaced takes out of the index the edits of a message but its last.
func (b *batch) removeReplaced(rec *record, last chat.Event) error {
	prefix := logKey(rec.number, last.Target)
	for _, key := range keysWith(b.edits, prefix, math.MaxInt) {
		if len(b.edits.Get(key)) > 0 || readID(key[len(prefix):]) == last.ID {
			continue
		}
		if err := b.edits.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
