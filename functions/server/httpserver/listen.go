package httpserver

import (
	"context"
	"net"
	"time"
)

const (
	handshakeTime = 5 * time.Millisecond // for handshakes under way to end: a balancer's round trip, and some more
	acceptTime    = time.Second          // for all connections that were made to be accepted
)

// listen listens on addr with plain TCP. Go would make a Multipath TCP socket
// on Linux, which takes no filter.
func listen(addr string) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return ln.(*net.TCPListener), nil
}

// drainListener drops new SYNs, waits until the accept queue is empty, and
// returns when the listener may be closed. Closing alone resets a client that
// has connected and was not accepted yet, with the request that is on its way
// (tcp(7) has no other word for it), though nothing is wrong with it.
//
// A client that connects meanwhile is not answered: a second later, when TCP
// tries again, the connection is refused, and the client or a balancer goes to
// the next server with nothing sent twice.
func drainListener(ln *net.TCPListener) {
	if dropSYNs(ln) != nil { // this system cannot
		return
	}
	time.Sleep(handshakeTime)
	for end := time.Now().Add(acceptTime); waiting(ln) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
