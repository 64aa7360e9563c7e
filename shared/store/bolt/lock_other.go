//go:build !unix

package bolt

import "os"

// sparseMaps: a map that is larger than its file would make the file grow.
const sparseMaps = false

// lock leaves it to bbolt, which locks its own file.
func lock(*os.File) error { return nil }
