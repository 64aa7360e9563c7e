package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const (
	keyGeneration = store.KeyLife / 4
	keptKeys      = 5 // generations that are looked at
	hashBytes     = 16
	positionBytes = 2*idBytes + 8
)

// A keyring is the idempotency keys that are known. They live in generations,
// each a bucket: the last one takes new keys until it is so old by the clock,
// those before it are still looked at. One that ended [store.KeyLife] ago, or
// has so many after it, is forgotten, and its bucket emptied bit by bit. A clock
// that jumps, either way, begins one generation more, no matter how far it
// jumps. The keyring belongs to the writing goroutine.
//
// Decision: in the file a bucket holds its keys in the order in which they
// came, and memory holds where each is. In the order of their hashes each key
// would have a page of its own written (measured with 64 writers on a busy
// machine: 8,500 posts a second with a key and 19,000 without).
type keyring struct {
	kept   []*generation // the oldest first
	oldest [][]byte      // names of buckets that are to be emptied
}

type generation struct {
	name  []byte
	since time.Time
	n     uint32            // keys
	at    map[uint64]uint32 // the hash's beginning → the key's number, which its hash is compared at
}

// openKeyring reads which keys there are.
func openKeyring(tx *bbolt.Tx) (r keyring, err error) {
	var names [][]byte
	cur := tx.Cursor()
	for k, _ := cur.Seek(keysPrefix); hasPrefix(k, keysPrefix); k, _ = cur.Next() {
		names = append(names, bytes.Clone(k))
	}
	first := max(0, len(names)-keptKeys)
	r.oldest = names[:first]
	for _, name := range names[first:] {
		g, err := openGeneration(tx, name)
		if err != nil {
			return r, err
		}
		r.kept = append(r.kept, g)
	}
	return r, nil
}

func openGeneration(tx *bbolt.Tx, name []byte) (*generation, error) {
	b := tx.Bucket(name)
	if b == nil {
		return nil, fmt.Errorf("%w: a generation of keys is no bucket", errDamaged)
	}
	size := 0
	if last, _ := b.Cursor().Last(); len(last) == 4 {
		size = int(binary.BigEndian.Uint32(last)) + 1
	}
	g := newGeneration(name, time.UnixMilli(int64(b.Sequence())), size)
	err := b.ForEach(func(k, sealed []byte) error {
		v, err := unsealKey(k, sealed)
		if err == nil {
			g.n = binary.BigEndian.Uint32(k) + 1
			g.at[beginning(v)] = g.n - 1
		}
		return err
	})
	return g, err
}

func newGeneration(name []byte, since time.Time, size int) *generation {
	return &generation{name: name, since: since, at: make(map[uint64]uint32, size)}
}

func unsealKey(k, sealed []byte) ([]byte, error) {
	v, err := unseal(k, sealed)
	if err == nil && (len(k) != 4 || len(v) < hashBytes+positionBytes) {
		err = fmt.Errorf("%w: an idempotency key has %d bytes", errDamaged, len(v))
	}
	return v, err
}

func beginning(hash []byte) uint64 { return binary.BigEndian.Uint64(hash) }

func hasPrefix(k, prefix []byte) bool { return k != nil && bytes.HasPrefix(k, prefix) }

// A keyBatch is what one transaction does to the keyring, which takes it over
// when that was committed.
type keyBatch struct {
	posted []*call          // with a key, in their order
	first  map[string]*call // the same, by hash
	turned *generation      // the new one, if it was time for one
	gone   bool             // the oldest bucket was taken out
}

// findKey looks for what was posted under a call's key. The error is
// [store.ErrKeyReused] when that was something else.
func (b *batch) findKey(c *call) (found bool, err error) {
	if c.hash == nil {
		return false, nil
	}
	if p := b.keys.first[string(c.hash)]; p != nil {
		return true, c.repeats(store.Position{ID: p.ev.ID, Prev: p.ev.Prev, At: p.ev.At}, p.digest)
	}
	for _, g := range b.store.keys.kept {
		n, ok := g.at[beginning(c.hash)]
		if !ok {
			continue
		}
		k := binary.BigEndian.AppendUint32(nil, n)
		v, err := unsealKey(k, b.tx.Bucket(g.name).Get(k))
		if err != nil {
			return false, c.unavailable(err)
		}
		if bytes.Equal(v[:hashBytes], c.hash) {
			v = v[hashBytes:]
			return true, c.repeats(readPosition(v), string(v[positionBytes:]))
		}
	}
	return false, nil
}

// position is that of a call's event, as it is beside a key.
func (c *call) position() []byte {
	b := appendID(appendID(make([]byte, 0, positionBytes+len(c.digest)), c.ev.ID), c.ev.Prev)
	return binary.BigEndian.AppendUint64(b, uint64(c.ev.At))
}

func readPosition(b []byte) store.Position {
	return store.Position{ID: readID(b), Prev: readID(b[idBytes:]), At: int64(binary.BigEndian.Uint64(b[2*idBytes:]))}
}

func (c *call) repeats(p store.Position, digest string) error {
	if digest != c.digest {
		return store.ErrKeyReused
	}
	c.ev, c.replayed = p.Give(c.ev), true
	return nil
}

// noteKey has a call's key written at the end of the batch.
func (b *batch) noteKey(c *call) {
	if c.hash == nil {
		return
	}
	if b.keys.first == nil {
		b.keys.first = map[string]*call{}
	}
	b.keys.first[string(c.hash)] = c
	b.keys.posted = append(b.keys.posted, c)
}

// putKeys writes the keys of the batch, and empties the oldest bucket a bit.
func (b *batch) putKeys() error {
	g, err := b.newestKeys()
	if err != nil {
		return err
	}
	if len(b.keys.posted) > 0 {
		bucket := b.tx.Bucket(g.name)
		bucket.FillPercent = fillPercent
		for i, c := range b.keys.posted {
			v := append(make([]byte, 0, hashBytes+positionBytes+len(c.digest)), c.hash...)
			v = append(append(v, c.position()...), c.digest...)
			k := binary.BigEndian.AppendUint32(nil, g.n+uint32(i))
			if err := bucket.Put(k, seal(k, v)); err != nil {
				return err
			}
		}
	}
	return b.forgetKeys()
}

// newestKeys is the generation that takes new keys, a new one when it is time.
func (b *batch) newestKeys() (*generation, error) {
	next := uint64(1)
	if newest := b.store.keys.newest(); newest != nil {
		empty := newest.n == 0 && len(b.keys.posted) == 0
		if empty || b.now.Sub(newest.since).Abs() < keyGeneration {
			return newest, nil
		}
		next = binary.BigEndian.Uint64(newest.name[len(keysPrefix):]) + 1
	} else if len(b.keys.posted) == 0 {
		return nil, nil
	}
	name := binary.BigEndian.AppendUint64(bytes.Clone(keysPrefix), next)
	bucket, err := b.tx.CreateBucket(name)
	if err != nil {
		return nil, err
	}
	b.keys.turned = newGeneration(name, b.now, 0)
	return b.keys.turned, bucket.SetSequence(uint64(b.now.UnixMilli()))
}

// forgetKeys empties the oldest bucket that is not looked at any more, so much
// at a time that no post waits long.
func (b *batch) forgetKeys() error {
	if len(b.store.keys.oldest) == 0 {
		return nil
	}
	name := b.store.keys.oldest[0]
	bucket := b.tx.Bucket(name)
	keys := keysWith(bucket, nil, trimBudget)
	for _, k := range keys {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	if len(keys) == trimBudget {
		return nil
	}
	b.keys.gone = true
	return b.tx.DeleteBucket(name)
}

func (r *keyring) newest() *generation {
	if len(r.kept) == 0 {
		return nil
	}
	return r.kept[len(r.kept)-1]
}

// committed takes over what a batch did.
func (r *keyring) committed(b keyBatch, now time.Time) {
	if b.gone {
		r.oldest = r.oldest[1:]
	}
	if b.turned != nil {
		r.kept = append(r.kept, b.turned)
	}
	for len(r.kept) > keptKeys || (len(r.kept) > 1 && now.Sub(r.kept[1].since) >= store.KeyLife) {
		r.oldest = append(r.oldest, r.kept[0].name)
		r.kept = r.kept[1:]
	}
	for _, c := range b.posted {
		g := r.newest()
		g.at[beginning(c.hash)] = g.n
		g.n++
	}
}
