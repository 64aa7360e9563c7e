package testenv

import (
	"os/exec"
	"syscall"
)

// EndsWithTest has a process end when the test's own process ends, however
// that happens.
func EndsWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
