package hub

import (
	"bytes"
	"slices"
	"sort"

	"confab/shared/chat"
	"confab/shared/sse"
)

// A ring is the last bytes that an audience was sent, in blocks that are only
// appended to: what a reader was given is not changed. Positions count bytes
// since the audience began, so a position says both where a reader is and
// whether it fell off. A reader's position is that of a frame.
//
// Every frame is sealed: it is one chunk of HTTP/1.1, ready to be sent.
//
// Decision: chunks and not a body that ends with its connection, because many
// clients take that end for the stream's and do not come back after a cut.
// HTTP/1.0, which nginx speaks to its upstreams, gets what is in the chunks.
type ring struct {
	blocks  []block
	start   uint64 // position of the first byte kept
	end     uint64 // position after the last byte
	entries []entry
	patches []patch // in the order of their positions
}

type block struct {
	at   uint64 // position of its first byte
	data []byte // its capacity is fixed
}

// An entry is one sealed frame of the ring, with what is inside.
type entry struct {
	at       uint64 // position of the frame
	size     uint32 // bytes of the sealed frame; 0: the event was removed before it came here
	json     uint32 // where its JSON begins,
	jsonSize uint32 // and how long it is
	room     int32  // index in the audience's rooms
	kind     chat.Kind
	id, prev chat.ID // zero for a signal
	target   chat.ID // of an event that removes or replaces text
}

// A patch is what is sent in place of a frame since its text was removed or
// replaced. The frame itself is wiped.
type patch struct {
	at       uint64
	size     uint32 // of the frame
	sealed   []byte // nil: nothing is sent
	json     uint32
	jsonSize uint32
}

const (
	blockMin = 2 << 10
	blockMax = 32 << 10
)

// grow returns room for n more bytes at the end, in one block.
func (r *ring) grow(n int) *block {
	if k := len(r.blocks); k > 0 {
		if b := &r.blocks[k-1]; cap(b.data)-len(b.data) >= n {
			return b
		}
	}
	size := blockMin
	if k := len(r.blocks); k > 0 {
		size = min(2*cap(r.blocks[k-1].data), blockMax)
	}
	r.blocks = append(r.blocks, block{at: r.end, data: make([]byte, 0, max(size, n))})
	return &r.blocks[len(r.blocks)-1]
}

// add seals a frame and appends it.
func (r *ring) add(e entry, f sse.Frame) {
	n := f.Size()
	size := sse.ChunkSize(n)
	b := r.grow(size)
	e.at, e.size = r.end, uint32(size)
	e.json, e.jsonSize = uint32(sse.ChunkHead(n)+f.DataAt()), uint32(len(f.Data))
	b.data = sse.AppendChunk(b.data, n, f.Append)
	r.end += uint64(size)
	r.entries = append(r.entries, e)
	r.trim(r.end, ringBytes)
}

// skip appends an entry without a frame: its event was removed.
func (r *ring) skip(e entry) {
	e.at = r.end
	r.entries = append(r.entries, e)
}

// trim drops the blocks that end before a position, but keeps the last bytes.
func (r *ring) trim(before uint64, keep int) {
	drop := 0
	for drop < len(r.blocks)-1 && r.blocks[drop+1].at <= before && r.end-r.blocks[drop+1].at >= uint64(keep) {
		drop++
	}
	if drop == 0 {
		return
	}
	clear(r.blocks[:drop])
	r.blocks = r.blocks[drop:]
	r.start = r.blocks[0].at
	r.entries = r.entries[r.index(r.start):]
	if cap(r.entries) > 4*len(r.entries) {
		r.entries = slices.Clone(r.entries)
	}
	r.patches = slices.Clone(r.patches[r.patchIndex(r.start):])
}

// index is that of the first entry at or after a position.
func (r *ring) index(at uint64) int {
	return sort.Search(len(r.entries), func(i int) bool { return r.entries[i].at >= at })
}

// patchIndex is that of the first patch at or after a position.
func (r *ring) patchIndex(at uint64) int {
	return sort.Search(len(r.patches), func(i int) bool { return r.patches[i].at >= at })
}

// from returns sealed frames from a position on, the position that they begin
// at, and the one after them. No frames mean that there is nothing up to the
// position after.
func (r *ring) from(at uint64) (frames []byte, begin, next uint64) {
	i := r.patchIndex(at)
	for ; i < len(r.patches) && r.patches[i].at == at; i++ {
		p := &r.patches[i]
		if next = at + uint64(p.size); p.sealed != nil {
			return p.sealed, at, next
		}
		at = next
	}
	frames = r.bytes(at)
	if i < len(r.patches) && r.patches[i].at-at < uint64(len(frames)) {
		n := r.patches[i].at - at
		frames = frames[:n:n]
	}
	return frames, at, at + uint64(len(frames))
}

// bytes returns what was appended at a position, up to the end of its block.
func (r *ring) bytes(at uint64) []byte {
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if b := &r.blocks[i]; b.at <= at {
			return b.data[at-b.at : len(b.data) : len(b.data)]
		}
	}
	return nil
}

// item returns what an entry holds now: the frame as it is without its chunk,
// and the JSON in it. Nil means that it was removed.
func (r *ring) item(e *entry) (frame, json []byte) {
	sealed, from, n := []byte(nil), e.json, e.jsonSize
	if i := r.patchIndex(e.at); i < len(r.patches) && r.patches[i].at == e.at && e.size > 0 {
		p := &r.patches[i]
		sealed, from, n = p.sealed, p.json, p.jsonSize
	} else if e.size > 0 {
		sealed = r.bytes(e.at)[:e.size:e.size]
	}
	if sealed == nil {
		return nil, nil
	}
	frame, _ = sse.CutChunk(sealed)
	return frame, sealed[from : from+n : from+n]
}

// replace sends another JSON in place of an entry's from now on, or nothing if
// that is nil, and wipes the frame. What readers were given stays: the block is
// copied.
func (r *ring) replace(e *entry, json []byte) {
	frame, _ := r.item(e)
	if frame == nil {
		return
	}
	p := patch{at: e.at, size: e.size}
	if json != nil {
		f := sse.Frame{Type: string(e.kind), Data: json, ID: idOf(frame)}
		p.json, p.jsonSize = uint32(sse.ChunkHead(f.Size())+f.DataAt()), uint32(len(json))
		p.sealed = sse.Chunk(f.Append(nil))
	}
	if i := r.patchIndex(e.at); i < len(r.patches) && r.patches[i].at == e.at {
		r.patches[i] = p
		return
	}
	r.patches = slices.Insert(r.patches, r.patchIndex(e.at), p)
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if b := &r.blocks[i]; b.at <= e.at {
			wiped := append(make([]byte, 0, cap(b.data)), b.data...)
			clear(wiped[e.at-b.at:][:e.size])
			b.data = wiped
			return
		}
	}
}

// idOf is the id in a frame of the ring: its last line.
func idOf(frame []byte) []byte {
	frame = frame[:len(frame)-len("\n\n")]
	return frame[bytes.LastIndexByte(frame, '\n')+1+len("id: "):]
}
