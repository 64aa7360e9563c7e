package hub

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	sliceSize = 256 // connections that are written to before others may run
	prefetch  = 32  // of them, looked at before the first is written to
)

// A shard is three loops over the same connections: one writes, one waits for
// connections that are writable again or gone, one looks at the clock.
type shard struct {
	hub   *Hub
	began time.Time
	ep    *os.File // the epoll, which itself waits in Go's poller: no thread is held
	epfd  int
	kick  chan struct{} // holds one: something is in todo
	quit  chan struct{} // closed when the loops are to end

	todoMu sync.Mutex // guards todo
	todo   []*connGroup

	mu      sync.Mutex // guards what follows, and the groups and connections of this shard
	byFD    []*conn
	groups  map[groupKey]*connGroup
	blocked map[*conn][]byte // those whose socket's buffer is full, and the rest of the frame that each is in
	late    map[*conn][]byte // what is for their users alone, and waits for that
	closed  bool
	sweeps  uint64
}

func newShard(h *Hub) (*shard, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not poll it
		unix.Close(fd)
		return nil, err
	}
	return &shard{
		hub: h, began: time.Now(), ep: os.NewFile(uintptr(fd), "epoll"), epfd: fd,
		kick: make(chan struct{}, 1), quit: make(chan struct{}),
		groups: map[groupKey]*connGroup{}, blocked: map[*conn][]byte{}, late: map[*conn][]byte{},
	}, nil
}

// second is a time in the shard's seconds, of which the first is 1. They go on
// alike when the machine's clock is set.
func (sh *shard) second(t time.Time) uint32 {
	return uint32(max(0, t.Sub(sh.began))/time.Second) + 1
}

// schedule puts a group on its shard's list of things to do.
func (g *connGroup) schedule() {
	if g.inTodo.Swap(true) {
		return
	}
	sh := g.shard
	sh.todoMu.Lock()
	sh.todo = append(sh.todo, g)
	sh.todoMu.Unlock()
	select {
	case sh.kick <- struct{}{}:
	default:
	}
}

// writeLoop sweeps over the groups that have something new, a slice of each in
// turn, so that a room of thousands does not hold up the small ones. What
// arrives in the course of a sweep goes out with it, or makes the next.
func (sh *shard) writeLoop() {
	var busy []*connGroup
	for {
		if len(busy) == 0 {
			select {
			case <-sh.kick:
			case <-sh.quit:
				return
			}
		}
		sh.todoMu.Lock()
		busy = append(busy, sh.todo...)
		clear(sh.todo)
		sh.todo = sh.todo[:0]
		sh.todoMu.Unlock()
		again := busy[:0]
		for _, g := range busy {
			if sh.sweep(g) {
				again = append(again, g)
			}
		}
		clear(busy[len(again):])
		if busy = again; len(busy) > 0 {
			runtime.Gosched() // posts, logins and the subscription between two slices
		}
	}
}

// sweep serves the next slice of a group and reports whether there is more.
// It goes downwards, so that a connection which takes the place of one that
// ended has been served.
func (sh *shard) sweep(g *connGroup) (more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if g.next == 0 {
		sh.sweeps++
		g.upTo = sh.catchUp(g)
		g.next = len(g.conns)
	}
	var v view
	var few [prefetch]*conn
	for n := 0; n < sliceSize && g.next > 0; n += prefetch {
		for _, c := range g.nextWritable(few[:0]) {
			if c.group != nil { // not revoked since
				sh.flush(c, &v)
			}
		}
		g.next = min(g.next, len(g.conns)) // some may have ended
	}
	if g.next > 0 {
		return true
	}
	g.wrote, g.ping = time.Now(), nil
	g.inTodo.Store(false)
	return sh.catchUp(g) != g.upTo && !g.inTodo.Swap(true)
}

// pollLoop serves the connections that are writable again and ends those whose
// other side has gone.
func (sh *shard) pollLoop() {
	raw, err := sh.ep.SyscallConn()
	if err != nil {
		return
	}
	evs := make([]unix.EpollEvent, 128)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), evs, 0)
			return n > 0
		})
		if err != nil { // closed
			return
		}
		sh.mu.Lock()
		for _, ev := range evs[:max(n, 0)] {
			sh.onReady(ev)
		}
		sh.mu.Unlock()
	}
}

// onReady handles one event of the epoll. sh.mu is held.
func (sh *shard) onReady(ev unix.EpollEvent) {
	c := sh.byFD[ev.Fd]
	if c == nil || c.gen != uint32(ev.Pad) {
		return
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		sh.drop(c, Left)
		return
	}
	rest := sh.blocked[c]
	n, err := write(c.fd, rest)
	if err != 0 && err != syscall.EAGAIN {
		sh.drop(c, Left)
		return
	}
	c.blockedSince = 0
	delete(sh.blocked, c)
	if n < len(rest) {
		sh.block(c, rest[n:])
		return
	}
	sh.waitFor(c, unix.EPOLLRDHUP)
	if c.group != nil {
		sh.deliverLate(c)
	}
	if c.group != nil && c.blockedSince == 0 {
		var v view
		sh.flush(c, &v)
	}
}

// tickLoop pings the groups that nothing was sent to, drops the connections
// that take nothing, and ends those whose time has come.
func (sh *shard) tickLoop() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			sh.tick(now)
		case <-sh.quit:
			return
		}
	}
}

func (sh *shard) tick(now time.Time) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	second, limit := sh.second(now), sh.second(now.Add(-StallLimit))
	for c := range sh.blocked {
		if c.blockedSince < limit {
			sh.drop(c, Stalled)
		}
	}
	for _, g := range sh.groups {
		for i := len(g.conns); i > 0; i = min(i-1, len(g.conns)) { // with one, others may be revoked
			if c := g.conns[i-1]; c.ends != 0 && c.ends <= second {
				sh.sendBye(c, 0, Ended)
			}
		}
		if now.Sub(g.wrote) >= g.key.ping && g.ping == nil {
			g.ping = g.seal(Ping())
			g.schedule()
		}
	}
}
