// Package compress makes the small form of the site's files. Functions do
// without it: theirs is one page, which a cold start would compress anew for
// one reader.
package compress

import (
	"bytes"
	"compress/gzip"
)

// Gzip returns the body compressed as well as gzip can.
func Gzip(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that there is
	_, _ = z.Write(body)                                  // into memory
	_ = z.Close()
	return b.Bytes()
}
