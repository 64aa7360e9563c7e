package hub

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A conn is one adopted connection: a descriptor and a position.
type conn struct {
	group        *connGroup
	at           uint64 // position in the ring
	gone         func()
	fd           int32
	gen          uint32 // tells this connection from an earlier one of the same number
	index        int32  // in group.conns
	blockedSince uint32 // the second since which the socket's buffer has been full; 0: it is not
	ends         uint32 // in which second it ends; 0: it does not
}

// A connGroup is the connections of one audience in one shard.
type connGroup struct {
	shard  *shard
	a      *audience
	inTodo atomic.Bool

	// Guarded by shard.mu.
	conns []*conn
	next  int       // the sweep goes down: connections from here on have been served
	upTo  uint64    // the end of the ring when the sweep began
	wrote time.Time // when something was written to all last
	ping  []byte    // to be written to all that wait at the end
}

// add adds a connection and serves it with what is in the ring by now.
func (sh *shard) add(c *conn, a *audience) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g := sh.groups[a]
	if g == nil {
		g = &connGroup{shard: sh, a: a, wrote: time.Now()}
		sh.groups[a] = g
		a.addGroup(g)
	}
	c.group, c.index = g, int32(len(g.conns))
	g.conns = append(g.conns, c)
	for int(c.fd) >= len(sh.byFD) {
		sh.byFD = append(sh.byFD, make([]*conn, 256)...)
	}
	sh.byFD[c.fd] = c
	ev := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: c.fd, Pad: int32(c.gen)}
	if sh.closed {
		sh.sendBye(c, 0, Shutdown)
		return
	}
	if err := unix.EpollCtl(sh.epfd, unix.EPOLL_CTL_ADD, int(c.fd), &ev); err != nil {
		sh.drop(c, Left)
		return
	}
	var v view
	sh.flush(c, &v)
}

// addGroup adds a group to those that are scheduled when the ring grows.
func (a *audience) addGroup(g *connGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.groups = append(a.groups, g)
}

func (a *audience) removeGroup(g *connGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, other := range a.groups {
		if other == g {
			a.groups[i] = a.groups[len(a.groups)-1]
			a.groups = a.groups[:len(a.groups)-1]
			return
		}
	}
}

// nextWritable appends the next connections that can be written to. A send
// pushes whatever lies still out of the cache: looked at one by one, each
// connection would be waited for, together they are fetched in the time of one.
func (g *connGroup) nextWritable(few []*conn) []*conn {
	for range min(prefetch, g.next) {
		g.next--
		if c := g.conns[g.next]; c.blockedSince == 0 {
			few = append(few, c)
		}
	}
	return few
}

// A view is what the ring holds at one position. Nearly all connections of a
// group are at the same one.
type view struct {
	at         uint64
	data       []byte // nil: not read yet, or nothing there
	start, end uint64 // of the ring
}

func (v *view) read(a *audience, at uint64) {
	if v.data != nil && v.at == at {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v.at, v.data, v.start, v.end = at, a.ring.from(at), a.ring.start, a.ring.end
}

// flush writes what the ring holds for a connection until there is nothing left
// or its socket's buffer is full. sh.mu is held.
func (sh *shard) flush(c *conn, v *view) {
	g := c.group
	for {
		v.read(g.a, c.at)
		if c.at < v.start {
			sh.drop(c, Lagged)
			return
		}
		if c.at == v.end {
			if g.ping != nil && !sh.send(c, g.ping) {
				sh.drop(c, Stalled) // half a ping cannot be resumed, and an idle connection takes a whole one
			}
			return
		}
		n, err := write(c.fd, v.data)
		if err != 0 && err != syscall.EAGAIN {
			sh.drop(c, Left)
			return
		}
		c.at += uint64(n)
		if n < len(v.data) {
			sh.block(c)
			return
		}
		if c.at == v.end {
			return
		}
	}
}

// block waits until a full socket takes more. sh.mu is held.
func (sh *shard) block(c *conn) {
	c.blockedSince = sh.second(time.Now())
	sh.blocked[c] = struct{}{}
	sh.waitFor(c, unix.EPOLLRDHUP|unix.EPOLLOUT)
}

// waitFor says which events of a connection the poll loop gets.
func (sh *shard) waitFor(c *conn, events uint32) {
	ev := unix.EpollEvent{Events: events, Fd: c.fd, Pad: int32(c.gen)}
	if err := unix.EpollCtl(sh.epfd, unix.EPOLL_CTL_MOD, int(c.fd), &ev); err != nil {
		sh.drop(c, Left)
	}
}

// sendBye ends a connection and says after what time to come back. sh.mu is
// held.
func (sh *shard) sendBye(c *conn, retry time.Duration, why EndReason) {
	if c.blockedSince == 0 {
		var v view
		sh.flush(c, &v)
	}
	if c.group != nil && c.blockedSince == 0 {
		sh.send(c, Bye(retry))
	}
	if c.group != nil {
		sh.drop(c, why)
	}
}

// drop closes a connection. sh.mu is held; c.group is nil afterwards.
func (sh *shard) drop(c *conn, why EndReason) {
	g := c.group
	sh.hub.count.ends[why].Add(1)
	sh.hub.count.adopted.Add(-1)
	unix.Close(int(c.fd))
	sh.byFD[c.fd] = nil
	delete(sh.blocked, c)
	last := len(g.conns) - 1
	g.conns[c.index] = g.conns[last]
	g.conns[c.index].index = c.index
	g.conns[last] = nil
	g.conns = g.conns[:last]
	if last == 0 {
		delete(sh.groups, g.a)
		g.a.removeGroup(g)
	}
	c.group = nil
	sh.hub.release(g.a)
	c.gone()
}

// send writes all of b or reports false.
func (sh *shard) send(c *conn, b []byte) bool {
	n, err := write(c.fd, b)
	return err == 0 && n == len(b)
}

// write is one non-blocking send. It never blocks, so the scheduler need not
// know of it.
func write(fd int32, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}
