package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"confab/shared/chat"

	"go.etcd.io/bbolt"
)

// Since returns up to n events after an id, oldest first. The zero id is the
// beginning of what is kept. It fails with [chat.ErrReset] when the log does
// not continue the id: trimmed past it, restored, or never there.
func (s *Store) Since(_ context.Context, room chat.RoomID, after chat.ID, n int) (evs []chat.Event, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		rec, err := readRoom(tx, room)
		if err != nil {
			return err
		}
		cur, prefix := tx.Bucket(logBucket).Cursor(), roomKey(rec.number)
		for k, v := cur.Seek(logKey(rec.number, after.Next())); hasPrefix(k, prefix) && len(evs) < n; k, v = cur.Next() {
			ev, err := decodeEvent(k, v)
			if err != nil {
				return err
			}
			evs = append(evs, ev)
		}
		if after.IsZero() {
			return nil
		}
		broken := after.After(rec.last)
		if !broken {
			k, v := cur.Seek(prefix)
			broken, err = breaksOff(prefix, k, v, evs, after, rec.last)
		}
		if broken && err == nil {
			err = chat.ErrReset
		}
		return err
	})
	if err != nil {
		return nil, reading(room, err)
	}
	return evs, nil
}

// breaksOff reports whether events are missing between after and evs, which are
// what the log holds after it. The log's first entry, if any, is head. Deleting
// takes entries out of the log, so prev may name one that is gone, but only
// trimming takes the first ones, and only a log that was begun anew points back
// past the cursor.
func breaksOff(prefix, headKey, head []byte, evs []chat.Event, after, last chat.ID) (bool, error) {
	if len(evs) > 0 && after.After(evs[0].Prev) {
		return true, nil
	}
	if !hasPrefix(headKey, prefix) {
		return last.After(after), nil
	}
	e, err := decodeEntry(headKey, head)
	return e.prev.After(after), err
}

// Before returns the last n events before an id, oldest first. The zero id is
// after everything.
func (s *Store) Before(_ context.Context, room chat.RoomID, before chat.ID, n int) (evs []chat.Event, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		rec, err := readRoom(tx, room)
		if err != nil {
			return err
		}
		if before.IsZero() {
			before = rec.last.Next()
		}
		cur, prefix := tx.Bucket(logBucket).Cursor(), roomKey(rec.number)
		k, v := cur.Seek(logKey(rec.number, before))
		if k == nil {
			k, v = cur.Last()
		}
		if !bytes.HasPrefix(k, prefix) || !before.After(logID(k)) {
			k, v = cur.Prev()
		}
		for ; hasPrefix(k, prefix) && len(evs) < n; k, v = cur.Prev() {
			ev, err := decodeEvent(k, v)
			if err != nil {
				return err
			}
			evs = append(evs, ev)
		}
		return nil
	})
	if err != nil {
		return nil, reading(room, err)
	}
	slices.Reverse(evs)
	return evs, nil
}

func decodeEvent(key, sealed []byte) (chat.Event, error) {
	e, err := decodeEntry(key, sealed)
	if err != nil {
		return chat.Event{}, err
	}
	return e.event(key)
}

func readRoom(tx *bbolt.Tx, room chat.RoomID) (record, error) {
	return decodeRecord([]byte(room), tx.Bucket(roomsBucket).Get([]byte(room)))
}

func reading(room chat.RoomID, err error) error {
	if err == chat.ErrReset {
		return err
	}
	return fmt.Errorf("read %s: %w", room, err)
}

// Last returns the id of each room's last event, the zero id for a room where
// nothing was said.
func (s *Store) Last(_ context.Context, rooms ...chat.RoomID) ([]chat.ID, error) {
	ids := make([]chat.ID, len(rooms))
	err := s.view(func(tx *bbolt.Tx) error {
		for i, room := range rooms {
			rec, err := readRoom(tx, room)
			if err != nil {
				return err
			}
			ids[i] = rec.last
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the last ids: %w", err)
	}
	return ids, nil
}
