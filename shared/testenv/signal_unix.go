//go:build unix

package testenv

import (
	"os"
	"syscall"
)

// Freeze stops a process where it is, its connections open. Thaw lets it go on.
var Freeze, Thaw os.Signal = syscall.SIGSTOP, syscall.SIGCONT
