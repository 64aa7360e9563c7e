package sse

import (
	"bytes"
	"math/bits"
	"strconv"
)

// LastChunk ends a body in chunks. A body that ends without it was cut.
const LastChunk = "0\r\n\r\n"

// ChunkSize is the size of a chunk of HTTP/1.1 that holds n bytes (RFC 9112,
// 7.1).
func ChunkSize(n int) int { return ChunkHead(n) + n + len("\r\n") }

// ChunkHead is the size of what comes before the bytes.
func ChunkHead(n int) int { return (bits.Len(uint(n))+3)/4 + len("\r\n") }

// AppendChunk adds a chunk of n bytes to b, which write must add.
func AppendChunk(b []byte, n int, write func([]byte) []byte) []byte {
	b = strconv.AppendUint(b, uint64(n), 16)
	b = append(b, "\r\n"...)
	b = write(b)
	return append(b, "\r\n"...)
}

// Chunk is b as one chunk.
func Chunk(b []byte) []byte {
	return AppendChunk(make([]byte, 0, ChunkSize(len(b))), len(b), func(to []byte) []byte { return append(to, b...) })
}

// CutChunk returns what is in the first of some chunks, and the others. The
// first must be whole, and its head as AppendChunk writes it.
func CutChunk(b []byte) (inside, rest []byte) {
	head := bytes.IndexByte(b, '\n') + 1
	n := 0
	for _, c := range b[:head-len("\r\n")] {
		n = n<<4 + hexDigit(c)
	}
	return b[head : head+n : head+n], b[head+n+len("\r\n"):]
}

func hexDigit(c byte) int {
	if c >= 'a' {
		return int(c-'a') + 10
	}
	return int(c - '0')
}
