package chat

import (
	"fmt"
	"slices"
	"strings"
)

// A Cursor says how far a reader has read: an id for each of its rooms, in the
// order of the sorted room names. Its text is the ids joined by ','.
type Cursor []ID

// ParseCursor reads the cursor of a reader of n rooms.
func ParseCursor(s string, n int) (Cursor, error) {
	parts := strings.Split(s, ",")
	if len(parts) != n {
		return nil, fmt.Errorf("%w: the cursor has %d ids, the stream %d rooms", ErrInvalid, len(parts), n)
	}
	c := make(Cursor, n)
	for i, p := range parts {
		id, err := ParseID(p)
		if err != nil || p == "" {
			return nil, fmt.Errorf("%w: id %d of the cursor is none", ErrInvalid, i+1)
		}
		c[i] = id
	}
	return c, nil
}

func (c Cursor) String() string { return string(c.Append(nil)) }

// Append adds the cursor's text to b.
func (c Cursor) Append(b []byte) []byte {
	for i, id := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = id.Append(b)
	}
	return b
}

// Covers reports whether c is at or past other in every room.
func (c Cursor) Covers(other Cursor) bool {
	for i := range c {
		if other[i].After(c[i]) {
			return false
		}
	}
	return true
}

// Rooms sorts names and drops repeats: the order that a cursor goes by.
func Rooms(names []RoomID) []RoomID {
	rooms := slices.Clone(names)
	slices.Sort(rooms)
	return slices.Compact(rooms)
}
