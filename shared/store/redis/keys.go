package redis

import (
	"hash/fnv"
	"strconv"

	"confab/shared/chat"
)

const (
	// buckets is how many hash tags all rooms share. A script can write what a
	// bucket has for all its rooms together with a room, and on a Cluster the
	// rooms still spread over so many slots.
	buckets = 64

	// keysVersion is the form of what is kept under the keys. It is another
	// one when a server of before could not read it.
	keysVersion = "2"
)

// A keyspace is what all keys and channels begin with: the operator's prefix
// and the number of the database, as "confab:0:". Redis keeps databases apart
// itself, but not their channels.
type keyspace string

func newKeyspace(prefix string, db int) keyspace {
	return keyspace(prefix + ":" + strconv.Itoa(db) + ":")
}

func (k keyspace) version() string              { return string(k) + "version" }
func (k keyspace) name(name string) string      { return string(k) + "name:" + chat.NameKey(name) }
func (k keyspace) rate(what, who string) string { return string(k) + "rate:" + what + ":" + who }
func (k keyspace) deposit(key string) string    { return string(k) + "deposit:" + key }
func (k keyspace) account(user string) string   { return string(k) + "account:" + user }
func (k keyspace) sessions(user string) string  { return string(k) + "sessions:" + user }
func (k keyspace) signOuts() string             { return string(k) + "signouts" }
func (k keyspace) secret(name string) string    { return string(k) + "secret:" + name }

// probe is a key and a channel, on which a process tries its subscription.
func (k keyspace) probe(name string) string { return string(k) + "probe:" + name }

// eraser is who erases what was taken out of logs, of all servers.
func (k keyspace) eraser() string { return string(k) + "eraser" }

// bucket is what the keys of a bucket begin with, as "confab:0:{b42}:".
func (k keyspace) bucket(n int) bucket { return bucket(string(k) + "{b" + strconv.Itoa(n) + "}:") }

func (k keyspace) bucketOf(room chat.RoomID) bucket {
	h := fnv.New32a()
	_, _ = h.Write([]byte(room)) // never fails
	return k.bucket(int(h.Sum32() % buckets))
}

func (k keyspace) room(room chat.RoomID) roomKeys {
	b := k.bucketOf(room)
	return roomKeys{bucket: b, room: string(b) + string(room) + ":", inbox: room.Reader() != ""}
}

// A bucket has the keys of what its rooms share.
type bucket string

func (b bucket) rooms() string    { return string(b) + "rooms" }
func (b bucket) creators() string { return string(b) + "creators" }
func (b bucket) replicas() string { return string(b) + "replicas" }
func (b bucket) outbox() string   { return string(b) + "outbox" }
func (b bucket) audit() string    { return string(b) + "audit" }

// inboxes is the one channel of all inboxes of the bucket.
func (b bucket) inboxes() string { return string(b) + inboxesChannel }

// erasing has the rooms of whose logs a text was taken out.
func (b bucket) erasing() string { return string(b) + "erasing" }

// addresses are of the replicas that its primary had in the last day.
func (b bucket) addresses() string { return string(b) + "addresses" }

// RoomKeys are the keys of one room, all in the slot of its bucket.
type roomKeys struct {
	bucket
	room  string // what they begin with, as "confab:0:{b42}:lobby:"
	inbox bool   // it is somebody's inbox
}

func (k roomKeys) log() string                   { return k.room + "log" }
func (k roomKeys) meta() string                  { return k.room + "meta" }
func (k roomKeys) copy() string                  { return k.room + "copy" }
func (k roomKeys) edits() string                 { return k.room + "edits" }
func (k roomKeys) emojis() string                { return k.room + "emojis" }
func (k roomKeys) here() string                  { return k.room + "here" }
func (k roomKeys) keys(generation string) string { return k.room + "keys:" + generation }
func (k roomKeys) rate(user string) string       { return k.room + "rate:" + user }
func (k roomKeys) day(network string) string     { return k.room + "day:" + network }
func (k roomKeys) slow(user string) string       { return k.room + "slow:" + user }
func (k roomKeys) members() string               { return k.room + "members" }
func (k roomKeys) marks() string                 { return k.room + "marks" } // of an inbox's user
func (k roomKeys) bans() string                  { return k.room + "bans" }
func (k roomKeys) invites() string               { return k.room + "invites" }

// channel is where what happens in the room is published.
func (k roomKeys) channel() string {
	if k.inbox {
		return k.inboxes()
	}
	return k.room + "events"
}
