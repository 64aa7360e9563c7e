//go:build !linux

package hub

import (
	"net"
	"time"
)

// Seats are for Linux. Elsewhere every stream keeps its goroutine.
type seats struct{}

type section struct{}

func (*section) mark() {}

func (*seats) open(*Hub)                                      {}
func (*seats) take(*Reader, net.Conn, time.Time, func()) bool { return false }
func (*seats) close(time.Duration)                            {}
func (*seats) ready() bool                                    { return false }
func (*seats) sweeps() uint64                                 { return 0 }
