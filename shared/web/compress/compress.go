// Package compress makes the small form of what a browser is sent. Functions
// do without it: their front door takes their answers as text.
package compress

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// Writers are dear to make and cheap to reset.
var writers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // a level that there is
	return z
}}

// Gzip returns the body compressed as well as gzip can.
func Gzip(body []byte) []byte {
	z := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	var b bytes.Buffer
	z.Reset(&b)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
	return b.Bytes()
}
