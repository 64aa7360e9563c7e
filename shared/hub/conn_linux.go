package hub

import (
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"confab/shared/sse"

	"golang.org/x/sys/unix"
)

// A conn is one adopted connection: a descriptor and a position.
type conn struct {
	group        *connGroup
	at           uint64 // position in the ring: of the next frame
	holder       Holder
	fd           int32
	gen          uint32 // tells this connection from an earlier one of the same number
	index        int32  // in group.conns
	blockedSince uint32 // the second since which the socket's buffer has been full; 0: it is not
	ends         uint32 // in which second it ends; 0: it does not
	user         uint32 // who reads, see hashUser
}

// A connGroup is the connections of one audience in one shard that are served
// alike.
type connGroup struct {
	shard  *shard
	key    groupKey
	inTodo atomic.Bool

	// Guarded by shard.mu.
	conns []*conn
	next  int       // the sweep goes down: connections from here on have been served
	upTo  uint64    // the end of the ring when the sweep began
	wrote time.Time // when something was written to all last
	ping  []byte    // to be written to all that wait at the end

	lossesSeen int // of the audience
}

// A groupKey is what the connections of a group have in common.
type groupKey struct {
	a       *audience
	ping    time.Duration
	chunked bool
}

// seal is what a frame is for the connections of this group.
func (g *connGroup) seal(frame []byte) []byte {
	if g.key.chunked {
		return sse.Chunk(frame)
	}
	return frame
}

// add adds a connection, whose reader has seen so many losses, and serves it with
// what is in the ring by now.
func (sh *shard) add(c *conn, key groupKey, lossesSeen int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g := sh.groups[key]
	if g == nil {
		g = &connGroup{shard: sh, key: key, wrote: time.Now()}
		sh.groups[key] = g
		key.a.addGroup(g)
	}
	c.group, c.index = g, int32(len(g.conns))
	g.conns = append(g.conns, c)
	for int(c.fd) >= len(sh.byFD) {
		sh.byFD = append(sh.byFD, make([]*conn, 256)...)
	}
	sh.byFD[c.fd] = c
	ev := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: c.fd, Pad: int32(c.gen)}
	if lost, ok := key.a.lossOf(c, lossesSeen); ok {
		sh.end(c, rand.N(revokedRetry), lost, Revoked)
		return
	}
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

// lossOf returns why a connection has to end that its group does not look for.
func (a *audience) lossOf(c *conn, lossesSeen int) (Loss, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return of(a.losses.since(lossesSeen), c.user)
}

// addGroup adds a group to those that are scheduled when the ring grows.
func (a *audience) addGroup(g *connGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.groups = append(a.groups, g)
	g.lossesSeen = a.losses.count()
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

// nextWritable appends the next connections that can be written to. Each send
// pushes other memory out of the cache. Looked at one by one, each connection
// would have to be waited for; together they are fetched in the time of one.
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
	data       []byte // to be sent; nil: not read yet, or nothing there
	sealed     []byte // the frames of data as they are in the ring,
	begin      uint64 // at this position
	next       uint64 // the position after data
	start, end uint64 // of the ring
}

// read reads what the ring holds at a position, and returns who lost the right to
// read it: data is not for them.
func (v *view) read(g *connGroup, at uint64) []loss {
	if v.data != nil && v.at == at {
		return nil
	}
	a := g.key.a
	a.mu.Lock()
	v.sealed, v.begin, v.next = a.ring.from(at)
	v.at, v.start, v.end = at, a.ring.start, a.ring.end
	ls := g.losses()
	a.mu.Unlock()
	if v.data = v.sealed; !g.key.chunked {
		v.data = plain(v.sealed)
	}
	return ls
}

// losses returns those that were not seen yet. The locks of the shard and of the
// audience are held.
func (g *connGroup) losses() []loss {
	ls := g.key.a.losses.since(g.lossesSeen)
	g.lossesSeen = g.key.a.losses.count()
	return ls
}

// catchUp ends the connections of a group that lost the right to read since, and
// returns where the ring ends. sh.mu is held.
func (sh *shard) catchUp(g *connGroup) (end uint64) {
	a := g.key.a
	a.mu.Lock()
	ls, end := g.losses(), a.ring.end
	a.mu.Unlock()
	sh.revoke(g, ls)
	return end
}

// revoke ends the connections of a group whom losses are about. sh.mu is held.
func (sh *shard) revoke(g *connGroup, ls []loss) {
	if len(ls) == 0 {
		return
	}
	for i := len(g.conns) - 1; i >= 0; i-- {
		if lost, ok := of(ls, g.conns[i].user); ok {
			sh.end(g.conns[i], rand.N(revokedRetry), lost, Revoked)
		}
	}
}

// plain returns sealed frames without their chunks. One frame is not copied.
//
// Decision: several frames are copied, once for all connections that are at the
// same position, and not sent from their places by writev: the kernel would
// gather them anew for each connection.
func plain(sealed []byte) []byte {
	if len(sealed) == 0 {
		return nil
	}
	first, rest := sse.CutChunk(sealed)
	if len(rest) == 0 {
		return first
	}
	b := append(make([]byte, 0, len(sealed)), first...)
	for len(rest) > 0 {
		var frame []byte
		frame, rest = sse.CutChunk(rest)
		b = append(b, frame...)
	}
	return b
}

// split returns the rest of the frame in which a connection is that took n bytes
// of data, and the position after that frame.
func (v *view) split(n int, chunked bool) (rest []byte, at uint64) {
	left, end := v.sealed, 0 // of data
	for end < n {
		frame, after := sse.CutChunk(left)
		if chunked {
			end += len(left) - len(after)
		} else {
			end += len(frame)
		}
		left = after
	}
	if len(left) == 0 { // a patch is longer or shorter than what it stands for
		return v.data[n:end], v.next
	}
	return v.data[n:end], v.begin + uint64(len(v.sealed)-len(left))
}

// flush writes what the ring holds for a connection until there is nothing left
// or its socket's buffer is full. sh.mu is held.
func (sh *shard) flush(c *conn, v *view) {
	g := c.group
	for {
		if sh.revoke(g, v.read(g, c.at)); c.group == nil {
			return
		}
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
		if n < len(v.data) {
			var rest []byte
			rest, c.at = v.split(n, g.key.chunked)
			sh.block(c, rest)
			return
		}
		if c.at = v.next; c.at == v.end {
			return
		}
	}
}

// block waits until a full socket takes more: first the rest of the frame that
// it has begun. sh.mu is held.
func (sh *shard) block(c *conn, rest []byte) {
	c.blockedSince = sh.second(time.Now())
	sh.blocked[c] = rest
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
	if c.group != nil {
		sh.end(c, retry, Loss{}, why)
	}
}

// end writes a bye, unless the connection is in the middle of another frame, and
// closes it. sh.mu is held.
func (sh *shard) end(c *conn, retry time.Duration, lost Loss, why EndReason) {
	if c.blockedSince == 0 {
		bye := c.group.seal(Bye(retry, lost))
		if c.group.key.chunked {
			bye = append(bye, sse.LastChunk...)
		}
		sh.send(c, bye)
	}
	sh.drop(c, why)
}

// drop closes a connection. sh.mu is held; c.group is nil afterwards.
func (sh *shard) drop(c *conn, why EndReason) {
	g := c.group
	sh.hub.count.ends[why].Add(1)
	sh.hub.count.adopted.Add(-1)
	unix.Close(int(c.fd))
	sh.byFD[c.fd] = nil
	delete(sh.blocked, c)
	delete(sh.late, c)
	last := len(g.conns) - 1
	g.conns[c.index] = g.conns[last]
	g.conns[c.index].index = c.index
	g.conns[last] = nil
	g.conns = g.conns[:last]
	if last == 0 {
		delete(sh.groups, g.key)
		g.key.a.removeGroup(g)
	}
	c.group = nil
	sh.hub.release(g.key.a)
	c.holder("")
}
