//go:build !linux

package hub

import (
	"net"
	"time"

	"confab/shared/chat"
)

// A poller is for Linux. Elsewhere every stream keeps its goroutine.
type poller struct{}

type connGroup struct{}

func (*connGroup) schedule() {}

func (*poller) open(*Hub)                              {}
func (*poller) adopt(*Reader, net.Conn, Adoption) bool { return false }
func (*poller) close(time.Duration)                    {}
func (*poller) ready() bool                            { return false }
func (*poller) signalUsers(map[string][]chat.Signal)   {}
func (*poller) sweeps() uint64                         { return 0 }
