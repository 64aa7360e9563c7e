// Package testenv is what tests need of the machine that they run on. Nothing
// else imports it.
package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
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

// NeedLinux skips a test that needs something which only Linux has.
func NeedLinux(tb testing.TB, what string) {
	tb.Helper()
	if runtime.GOOS != "linux" {
		tb.Skipf("%s has no %s", runtime.GOOS, what)
	}
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

const look = 5 * time.Millisecond // between two looks at a condition

// Holds looks at a condition until it holds, and reports whether it did within
// a time.
func Holds(within time.Duration, ok func() bool) bool {
	late := time.After(within)
	again := time.NewTicker(look)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-late:
			return ok()
		}
	}
	return true
}

// Await returns once a condition holds. It fails the test if that takes longer
// than within.
func Await(tb testing.TB, what string, within time.Duration, ok func() bool) {
	tb.Helper()
	if !Holds(within, ok) {
		tb.Fatalf("not so after %v: %s", within, what)
	}
}
