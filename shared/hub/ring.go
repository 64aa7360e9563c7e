package hub

import (
	"slices"
	"sort"

	"confab/shared/chat"
)

// A ring is the last bytes that an audience was sent, in chunks that are only
// appended to: what a reader was given is not changed. Positions count
// bytes since the audience began, so a position says both where a reader is
// and whether it fell off.
type ring struct {
	chunks  []chunk
	start   uint64 // position of the first byte kept
	end     uint64 // position after the last byte
	entries []entry
}

type chunk struct {
	at   uint64 // position of its first byte
	data []byte // its capacity is fixed
}

// An entry is one frame of the ring, with what is inside.
type entry struct {
	at       uint64 // position of the frame
	size     uint32 // bytes of the frame
	text     uint32 // offset of the JSON in the frame; it ends before the blank line
	room     int    // index in the audience's rooms
	kind     chat.Kind
	id, prev chat.ID // zero for a signal
	barrier  bool    // a reset: no cursor from before it goes on here
}

const (
	chunkMin = 2 << 10
	chunkMax = 32 << 10
)

// grow returns room for n more bytes at the end, in one chunk.
func (r *ring) grow(n int) *chunk {
	if k := len(r.chunks); k > 0 {
		if c := &r.chunks[k-1]; cap(c.data)-len(c.data) >= n {
			return c
		}
	}
	size := chunkMin
	if k := len(r.chunks); k > 0 {
		size = min(2*cap(r.chunks[k-1].data), chunkMax)
	}
	r.chunks = append(r.chunks, chunk{at: r.end, data: make([]byte, 0, max(size, n))})
	return &r.chunks[len(r.chunks)-1]
}

// add appends a frame of n bytes, which write must fill in exactly.
func (r *ring) add(e entry, n int, write func([]byte) []byte) {
	c := r.grow(n)
	e.at, e.size = r.end, uint32(n)
	c.data = write(c.data)
	r.end += uint64(n)
	r.entries = append(r.entries, e)
	r.trim(r.end, ringBytes)
}

// trim drops the chunks that end before a position, but keeps the last bytes.
func (r *ring) trim(before uint64, keep int) {
	drop := 0
	for drop < len(r.chunks)-1 && r.chunks[drop+1].at <= before && r.end-r.chunks[drop+1].at >= uint64(keep) {
		drop++
	}
	if drop == 0 {
		return
	}
	clear(r.chunks[:drop])
	r.chunks = r.chunks[drop:]
	r.start = r.chunks[0].at
	r.entries = r.entries[r.index(r.start):]
	if cap(r.entries) > 4*len(r.entries) {
		r.entries = slices.Clone(r.entries)
	}
}

// index is that of the first entry at or after a position.
func (r *ring) index(at uint64) int {
	return sort.Search(len(r.entries), func(i int) bool { return r.entries[i].at >= at })
}

// from returns the bytes at a position, up to the end of their chunk: whole
// frames if the position is a frame's. Nil means that there is nothing yet.
func (r *ring) from(at uint64) []byte {
	for i := len(r.chunks) - 1; i >= 0; i-- {
		if c := &r.chunks[i]; c.at <= at {
			return c.data[at-c.at : len(c.data) : len(c.data)]
		}
	}
	return nil
}
