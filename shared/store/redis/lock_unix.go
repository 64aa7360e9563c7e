//go:build unix && !function

package redis

import (
	"os"
	"syscall"
)

// lock fails when another process has locked the file.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
