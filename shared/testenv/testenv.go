// Package testenv is what tests need of the machine that they run on. Nothing
// else imports it.
package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"testing"
)

// Need returns the path of a program. It skips a test whose program is
// missing, and fails it where CI is set.
func Need(tb testing.TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") != "" {
		tb.Fatalf("%s is missing: make tools installs it", program)
	}
	if err != nil {
		tb.Skipf("%s is missing: make tools installs it", program)
	}
	return path
}

// FreeAddr is a loopback address where something else may listen, below the
// ports that connections go out from: one of those could have it while a
// server that is started again is down.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))); err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	tb.Fatal("no port is free")
	return ""
}
