package redistest

import (
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"confab/shared/testenv"
)

//go:embed testdata/clock.c
var clockSource []byte

// A Clock is what a process under it believes: a file with the seconds by
// which it is wrong.
type Clock struct{ file, lib string }

// NewClock compiles the library that a process has to load for it.
func NewClock(tb testing.TB) Clock {
	tb.Helper()
	testenv.NeedLinux(tb, "LD_PRELOAD")
	dir := tb.TempDir()
	c := Clock{filepath.Join(dir, "clock"), filepath.Join(dir, "clock.so")}
	source := filepath.Join(dir, "clock.c")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command(testenv.Need(tb, "cc"), "-shared", "-fPIC", "-O1", "-o", c.lib, source).CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	c.Set(tb, 0)
	return c
}

func (c Clock) Env() []string { return []string{"LD_PRELOAD=" + c.lib, "CLOCK=" + c.file} }

// Set has it wrong by so much, from now on.
func (c Clock) Set(tb testing.TB, by time.Duration) {
	tb.Helper()
	next := c.file + ".next"
	err := os.WriteFile(next, strconv.AppendInt(nil, int64(by.Seconds()), 10), 0o600)
	if err = errors.Join(err, os.Rename(next, c.file)); err != nil {
		tb.Fatal(err)
	}
}
