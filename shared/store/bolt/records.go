package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// The names of the buckets.
var (
	confabBucket = []byte("confab")
	roomsBucket  = []byte("rooms")
	logBucket    = []byte("log")
	editsBucket  = []byte("edits")
	rightsBucket = []byte("rights")
	usersBucket  = []byte("users")
	activeBucket = []byte("active")
	outboxBucket = []byte("outbox")  // number → what has to be told outside of its room
	marksBucket  = []byte("marks")   // user, room → id up to which the user has read it
	noticeBucket = []byte("notices") // inbox, hash of a notice's key → its position
	auditBucket  = []byte("audit")   // place → an event by which somebody changed a room or what others said
	keysPrefix   = []byte("keys ")
)

var errDamaged = errors.New("the file is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal puts a checksum of key and value before the value. bbolt checks no page
// but its two first ones.
func seal(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(value)), sum), value...)
}

// unseal is the other way. What it returns is valid as long as sealed is.
func unseal(key, sealed []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, fmt.Errorf("%w: a value has %d bytes", errDamaged, len(sealed))
	}
	value := sealed[4:]
	if crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value) != binary.BigEndian.Uint32(sealed) {
		return nil, fmt.Errorf("%w: a value does not match its checksum", errDamaged)
	}
	return value, nil
}

// A record is what is known of a room beside its log. The zero value is a room
// where nothing was said.
type record struct {
	number  uint32  // stands for the room in keys; 0: it has none yet
	last    chat.ID // outlives the event
	count   uint32  // events in the log
	indexed uint64  // second under which it is in the bucket active; 0: it is not
	bytes   uint64  // of the events in the log
	creator string  // user who spoke first
	title   string
	inbox   bool // it is somebody's inbox, as its name says
}

const recordBytes = 4 + idBytes + 4 + 8 + 8 + 1

func (r record) encode() []byte {
	creator := r.creator[:min(len(r.creator), math.MaxUint8)]
	b := make([]byte, 0, recordBytes+len(creator)+len(r.title))
	b = binary.BigEndian.AppendUint32(b, r.number)
	b = appendID(b, r.last)
	b = binary.BigEndian.AppendUint32(b, r.count)
	b = binary.BigEndian.AppendUint64(b, r.indexed)
	b = binary.BigEndian.AppendUint64(b, r.bytes)
	b = append(append(b, byte(len(creator))), creator...)
	return append(b, r.title...)
}

func decodeRecord(name, sealed []byte) (record, error) {
	inbox := chat.RoomID(name).Reader() != ""
	if sealed == nil {
		return record{inbox: inbox}, nil
	}
	b, err := unseal(name, sealed)
	if err == nil && (len(b) < recordBytes || len(b) < recordBytes+int(b[recordBytes-1])) {
		err = fmt.Errorf("%w: what is known of a room has %d bytes", errDamaged, len(b))
	}
	if err != nil {
		return record{}, err
	}
	creator, title := b[recordBytes:recordBytes+int(b[recordBytes-1])], b[recordBytes+int(b[recordBytes-1]):]
	return record{
		number:  binary.BigEndian.Uint32(b),
		last:    readID(b[4:]),
		count:   binary.BigEndian.Uint32(b[4+idBytes:]),
		indexed: binary.BigEndian.Uint64(b[8+idBytes:]),
		bytes:   binary.BigEndian.Uint64(b[16+idBytes:]),
		creator: string(creator),
		title:   string(title),
		inbox:   inbox,
	}, nil
}

const idBytes = 16

func appendID(b []byte, id chat.ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, id.MS), id.Seq)
}

func readID(b []byte) chat.ID {
	return chat.ID{MS: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

// roomKey is what the keys of a room in the buckets log and edits begin with.
func roomKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, 4+2*idBytes), number)
}

func logKey(number uint32, id chat.ID) []byte { return appendID(roomKey(number), id) }

func logID(key []byte) chat.ID { return readID(key[4:]) }

func editKey(number uint32, target, id chat.ID) []byte {
	return appendID(appendID(roomKey(number), target), id)
}

func activeKey(second uint64, room chat.RoomID) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(room)), second), room...)
}

// An entry is an event in the log, as it is in the file.
type entry struct {
	at   time.Time // by the clock, which the id leaves behind when it goes back
	prev chat.ID
	body []byte // JSON without id and prev
}

const (
	sumBytes   = 4 // see seal
	entryBytes = 8 + idBytes
)

// eventBytes is how many bytes the event of a sealed entry has.
func eventBytes(sealed []byte) uint64 { return uint64(max(0, len(sealed)-sumBytes-entryBytes)) }

func (e entry) encode() []byte {
	b := make([]byte, 0, entryBytes+len(e.body))
	b = binary.BigEndian.AppendUint64(b, uint64(e.at.UnixMilli()))
	return append(appendID(b, e.prev), e.body...)
}

// decodeEntry returns an entry that is valid as long as sealed is.
func decodeEntry(key, sealed []byte) (entry, error) {
	b, err := unseal(key, sealed)
	if err == nil && (len(b) < entryBytes || len(key) != 4+idBytes) {
		err = fmt.Errorf("%w: an event has %d bytes", errDamaged, len(b))
	}
	if err != nil {
		return entry{}, err
	}
	return entry{
		at:   time.UnixMilli(int64(binary.BigEndian.Uint64(b))),
		prev: readID(b[8:]),
		body: b[entryBytes:],
	}, nil
}

// position is what an event is given that happened at a time, which is told only
// where the id does not say so: ids run ahead of a clock that was set back.
func position(id, prev chat.ID, at time.Time) store.Position {
	p := store.Position{ID: id, Prev: prev}
	if id.Time().Sub(at).Abs() > time.Second {
		p.At = at.UnixMilli()
	}
	return p
}

// event reads the whole event. Nothing in it refers to the file.
func (e entry) event(key []byte) (chat.Event, error) {
	ev, err := store.Decode(position(logID(key), e.prev, e.at), e.body)
	if err != nil {
		return ev, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return ev, nil
}

// hashKey stands for a room, a user and an idempotency key, none of which holds
// a zero byte.
func hashKey(room chat.RoomID, user, key string) []byte {
	sum := sha256.Sum256([]byte(string(room) + "\x00" + user + "\x00" + key))
	return sum[:16]
}
