package main

import (
	"os"
	"strings"
	"syscall"
)

// quietSysmon keeps the Go runtime's monitor thread from waking fifty times,
// 20 µs apart, whenever an idle process has something to do. On a server that
// sends a line now and then these wake-ups are a fifth of the CPU of a
// delivery to 1,000 listeners, and over a third of one to 25 (make bench,
// with and without GODEBUG=schedtrace=0).
//
// The monitor is as quiet as in a process that has been busy for a second if
// the scheduler's trace is on; a trace line every 24 days is the price. The
// runtime reads the setting only as it starts, so the process starts again in
// its own place, under its own number. An operator's own schedtrace stays.
func quietSysmon() {
	const trace = "schedtrace=2147483647" // milliseconds
	old := os.Getenv("GODEBUG")
	if strings.Contains(old, "schedtrace=") {
		return
	}
	exe, err := os.Executable()
	if err != nil {
		return
	}
	os.Setenv("GODEBUG", strings.Trim(old+","+trace, ","))
	_ = syscall.Exec(exe, os.Args, os.Environ()) // if that is not allowed, it runs as it is
}
