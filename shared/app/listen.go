//go:build !function

package app

import (
	"context"
	"net"
	"time"
)

const (
	handshake = 5 * time.Millisecond // for clients half in to come in, once nobody else is let in: a balancer's round trip, and some more
	lastCall  = time.Second          // until all who came in are accepted
)

// listen listens on addr, for TCP alone: what Go makes on Linux unless told
// otherwise, a Multipath TCP socket, takes no filter.
func listen(addr string) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return ln.(*net.TCPListener), nil
}

// leave has a listener that is being accepted from take nobody new, and returns
// when it may be closed: when nobody stands in the door. Closing alone resets
// who has connected and was not accepted yet, with the request that is on its
// way (tcp(7) has no other word for it), though nothing is wrong with it.
//
// Who knocks meanwhile is not answered: a second later, when TCP knocks again,
// the connection is refused, and a client or balancer goes to the next server
// with nothing said twice.
func leave(ln *net.TCPListener) {
	if shut(ln) != nil { // no such thing on this system
		return
	}
	time.Sleep(handshake)
	for end := time.Now().Add(lastCall); waiting(ln) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
