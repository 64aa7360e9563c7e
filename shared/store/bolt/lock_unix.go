//go:build unix

package bolt

import (
	"os"
	"syscall"
)

// sparseMaps: a map may be larger than its file.
const sparseMaps = true

// lock fails when another process has locked the file.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
