package chat

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An ID is the Redis stream id of an event, "<ms>-<seq>": it rises within a
// room, is never used again, and tells the time. The zero ID, "0-0", is before
// everything.
type ID struct{ MS, Seq uint64 }

// ParseID reads an id in its one canonical form. The empty string is the zero
// ID.
func ParseID(s string) (ID, error) {
	if s == "" {
		return ID{}, nil
	}
	ms, seq, ok := strings.Cut(s, "-")
	m, err1 := parseDecimal(ms)
	q, err2 := parseDecimal(seq)
	if !ok || err1 != nil || err2 != nil {
		return ID{}, fmt.Errorf("%w: an id looks like 1732130000000-0", ErrInvalid)
	}
	return ID{m, q}, nil
}

// parseDecimal takes digits alone: no sign, no leading zero, no underscore.
func parseDecimal(s string) (uint64, error) {
	if s == "" || (s[0] == '0' && len(s) > 1) || s[0] == '+' {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, 10, 64)
}

// Compare is negative when id is before other, 0 when they are the same.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.MS, other.MS), cmp.Compare(id.Seq, other.Seq))
}

// After reports whether id is later than other.
func (id ID) After(other ID) bool { return id.Compare(other) > 0 }

// IsZero reports whether id is the one before everything.
func (id ID) IsZero() bool { return id == ID{} }

// Next is the least id that is later.
func (id ID) Next() ID {
	if id.Seq++; id.Seq == 0 {
		id.MS++
	}
	return id
}

// Time is the time in the id, which the event's own may be before.
func (id ID) Time() time.Time { return time.UnixMilli(int64(id.MS)) }

func (id ID) String() string {
	var b [41]byte
	return string(id.Append(b[:0]))
}

// Append adds the id's text to b.
func (id ID) Append(b []byte) []byte {
	b = strconv.AppendUint(b, id.MS, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, id.Seq, 10)
}

func (id ID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
