//go:build !function

package web

import (
	"bytes"
	"compress/gzip"
)

func compress(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that there is
	_, _ = z.Write(body)                                  // into memory
	_ = z.Close()
	return b.Bytes()
}
