package redis

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A connTracker knows the connections to Redis. One on which an answer did not
// come in time is closed by the driver; the others to the same address, which
// wait in a pool, may have died with it and would each cost a post the same
// time. So those on which nothing was received since then are closed too.
type connTracker struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex // guards what follows, and the times in it
	open map[*trackedConn]bool
}

type trackedConn struct {
	net.Conn
	tracker  *connTracker
	addr     string
	asked    time.Time // when it was last written to, having had its answer
	received time.Time
}

func newConnTracker(dial func(context.Context, string, string) (net.Conn, error)) *connTracker {
	return &connTracker{dial: dial, open: map[*trackedConn]bool{}}
}

func (ct *connTracker) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := ct.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &trackedConn{Conn: conn, tracker: ct, addr: addr, received: time.Now()}
	ct.mu.Lock()
	defer ct.mu.Unlock()
	ct.open[c] = true
	return c, nil
}

func (c *trackedConn) Write(b []byte) (int, error) {
	c.tracker.mu.Lock()
	if !c.asked.After(c.received) {
		c.asked = time.Now()
	}
	c.tracker.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *trackedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tracker.mu.Lock()
	if n > 0 {
		c.received = time.Now()
	}
	asked := c.asked
	c.tracker.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(asked) >= dialTimeout { // not an impatient caller
		c.tracker.closeStale(c.addr, asked)
	}
	return n, err
}

// closeStale closes what is as dead as a connection to the address on which
// nothing was received since.
func (ct *connTracker) closeStale(addr string, since time.Time) {
	var stale []*trackedConn
	ct.mu.Lock()
	for c := range ct.open {
		if c.addr == addr && c.received.Before(since) {
			stale = append(stale, c)
		}
	}
	ct.mu.Unlock()
	for _, c := range stale {
		c.Close()
	}
}

// closeAll closes all connections: they are to a Redis that was replaced.
func (ct *connTracker) closeAll() {
	ct.mu.Lock()
	all := slices.Collect(maps.Keys(ct.open))
	ct.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}

func (c *trackedConn) Close() error {
	c.tracker.mu.Lock()
	delete(c.tracker.open, c)
	c.tracker.mu.Unlock()
	return c.Conn.Close()
}

// SyscallConn is how the driver asks, before it takes a connection from its
// pool, whether that is alive. Under TLS it looks at the socket below: what
// lies there unread on an idle connection is the end that Redis has said, for
// it says nothing else unasked.
func (c *trackedConn) SyscallConn() (syscall.RawConn, error) {
	c.tracker.mu.Lock()
	open := c.tracker.open[c]
	c.tracker.mu.Unlock()
	if !open {
		return nil, net.ErrClosed
	}
	conn := c.Conn
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return raw.SyscallConn()
}
