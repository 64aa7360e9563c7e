package hub

import (
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sliceOf     = 256              // connections written to before others may run
	ahead       = 32               // of them, looked at before the first is written to
	sendBuffer  = 28 << 10         // SO_SNDBUF: the kernel doubles it (socket(7)), and with what it overdraws holds under 64 KiB for one connection
	userTimeout = 30 * time.Second // TCP_USER_TIMEOUT: sent and not acknowledged for so long means dead (RFC 5482)
)

// Seats are the connections that were taken. Each belongs to one shard.
//
// Decision: descriptors in an epoll of our own instead of net.Conn, because a
// goroutine and its stack for a connection cost over 6 KB, and its wake-up
// more than the write; measured by make bench.
type seats struct {
	hub    *Hub
	shards []*shard
	next   atomic.Uint32
	gens   atomic.Uint32
}

// A shard is one loop that writes and one that hears of connections which are
// writable again or gone.
type shard struct {
	hub   *Hub
	began time.Time
	ep    *os.File // the epoll, which itself waits in Go's poller: no thread is held
	epfd  int
	kick  chan struct{} // holds one: something is in todo
	quit  chan struct{} // closed when the loops are to end

	todoMu sync.Mutex // a leaf: taken with an audience's lock held
	todo   []*section

	mu       sync.Mutex // guards the sections and seats of this shard
	byFD     []*seat
	sections map[*audience]*section
	stalled  map[*seat]struct{} // those whose socket is full
	closed   bool
	sweeps   uint64
}

// A section is the part of an audience that sits in one shard.
type section struct {
	shard  *shard
	a      *audience
	inTodo atomic.Bool

	// Guarded by shard.mu.
	seats []*seat
	next  int       // the sweep goes down: seats from here on have been served
	upTo  uint64    // the end of the ring when the sweep began
	spoke time.Time // when something was written to all last
	ping  []byte    // to be written to all who wait at the end
}

// A seat is one connection: a descriptor and a position.
type seat struct {
	sec   *section
	at    uint64 // position in the ring
	gone  func()
	fd    int32
	gen   uint32 // tells this connection from an earlier one of the same number
	index int32  // in sec.seats
	full  uint32 // since which second its socket is full; 0: it is not
	ends  uint32 // in which second it ends; 0: it does not
}

func (ss *seats) open(h *Hub) {
	ss.hub = h
	for range runtime.GOMAXPROCS(0) {
		sh, err := newShard(h)
		if err != nil {
			h.slog.Warn("no epoll: every stream keeps a goroutine", "err", err)
			return
		}
		ss.shards = append(ss.shards, sh)
		h.wg.Go(sh.write)
		h.wg.Go(sh.hear)
		h.wg.Go(sh.keep)
	}
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
		sections: map[*audience]*section{}, stalled: map[*seat]struct{}{},
	}, nil
}

// take gives r's connection a seat. It refuses what is no plain TCP.
func (ss *seats) take(r *Reader, conn net.Conn, ends time.Time, gone func()) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok || len(ss.shards) == 0 {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	fd := -1
	cerr := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if cerr != nil || err != nil {
		return false
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	conn.Close() // our descriptor keeps the connection; Go's poller lets go of it
	sh := ss.shards[ss.next.Add(1)%uint32(len(ss.shards))]
	st := &seat{at: r.at, gone: gone, fd: int32(fd), gen: ss.gens.Add(1)}
	if !ends.IsZero() {
		st.ends = sh.second(ends)
	}
	r.hub.count.taken.Add(1)
	sh.sit(st, r.a)
	return true
}

// second is a time in the shard's seconds, of which the first is 1. They go on
// alike when the machine's clock is set.
func (sh *shard) second(t time.Time) uint32 {
	return uint32(max(0, t.Sub(sh.began))/time.Second) + 1
}

// sit adds a seat and has it served with what is in the ring by now.
func (sh *shard) sit(st *seat, a *audience) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sec := sh.sections[a]
	if sec == nil {
		sec = &section{shard: sh, a: a, spoke: time.Now()}
		sh.sections[a] = sec
		a.seat(sec)
	}
	st.sec, st.index = sec, int32(len(sec.seats))
	sec.seats = append(sec.seats, st)
	for int(st.fd) >= len(sh.byFD) {
		sh.byFD = append(sh.byFD, make([]*seat, 256)...)
	}
	sh.byFD[st.fd] = st
	ev := unix.EpollEvent{Events: unix.EPOLLRDHUP, Fd: st.fd, Pad: int32(st.gen)}
	if sh.closed {
		sh.bye(st, 0, Shutdown)
		return
	}
	if err := unix.EpollCtl(sh.epfd, unix.EPOLL_CTL_ADD, int(st.fd), &ev); err != nil {
		sh.drop(st, Left)
		return
	}
	var v view
	sh.serve(st, &v)
}

// seat adds a section to those that are marked when the ring grows.
func (a *audience) seat(s *section) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sections = append(a.sections, s)
}

func (a *audience) unseat(s *section) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, t := range a.sections {
		if t == s {
			a.sections[i] = a.sections[len(a.sections)-1]
			a.sections = a.sections[:len(a.sections)-1]
			return
		}
	}
}

// mark puts a section on its shard's list of things to do.
func (s *section) mark() {
	if s.inTodo.Swap(true) {
		return
	}
	sh := s.shard
	sh.todoMu.Lock()
	sh.todo = append(sh.todo, s)
	sh.todoMu.Unlock()
	select {
	case sh.kick <- struct{}{}:
	default:
	}
}

// write sweeps over the sections that have something new, a slice of each in
// turn, so that a room of thousands does not hold up the small ones. What
// arrives in the course of a sweep goes out with it, or makes the next.
func (sh *shard) write() {
	var busy []*section
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
		for _, sec := range busy {
			if sh.sweep(sec) {
				again = append(again, sec)
			}
		}
		clear(busy[len(again):])
		if busy = again; len(busy) > 0 {
			runtime.Gosched() // posts, logins and the bell between two slices
		}
	}
}

// sweep serves the next slice of a section and reports whether there is more.
// It goes downwards, so that a seat which takes the place of one that left has
// been served.
func (sh *shard) sweep(sec *section) (more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sec.next == 0 {
		sh.sweeps++
		sec.next, sec.upTo = len(sec.seats), sec.a.end()
	}
	var v view
	var few [ahead]*seat
	for n := 0; n < sliceOf && sec.next > 0; n += ahead {
		for _, st := range sec.pick(few[:0]) {
			sh.serve(st, &v)
		}
		sec.next = min(sec.next, len(sec.seats)) // some may have left
	}
	if sec.next > 0 {
		return true
	}
	sec.spoke, sec.ping = time.Now(), nil
	sec.inTodo.Store(false)
	return sec.a.end() != sec.upTo && !sec.inTodo.Swap(true)
}

// pick appends the next seats that can be written to. A send pushes whatever
// lies still out of the cache: looked at one by one, each seat would be waited
// for, together they are fetched in the time of one.
func (s *section) pick(few []*seat) []*seat {
	for range min(ahead, s.next) {
		s.next--
		if st := s.seats[s.next]; st.full == 0 {
			few = append(few, st)
		}
	}
	return few
}

func (a *audience) end() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ring.end
}

// A view is what the ring holds at one position. Nearly all seats of a section
// stand at the same one.
type view struct {
	at         uint64
	data       []byte // nil: not looked yet, or nothing there
	start, end uint64 // of the ring
}

func (v *view) look(a *audience, at uint64) {
	if v.data != nil && v.at == at {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v.at, v.data, v.start, v.end = at, a.ring.from(at), a.ring.start, a.ring.end
}

// serve writes what the ring holds for a seat until there is nothing left or
// its socket is full. sh.mu is held.
func (sh *shard) serve(st *seat, v *view) {
	sec := st.sec
	for {
		v.look(sec.a, st.at)
		if st.at < v.start {
			sh.drop(st, Lagged)
			return
		}
		if st.at == v.end {
			if sec.ping != nil && !sh.send(st, sec.ping) {
				sh.drop(st, Stalled) // half a ping can't be taken up again, and an idle line takes a whole one
			}
			return
		}
		n, err := write(st.fd, v.data)
		if err != 0 && err != syscall.EAGAIN {
			sh.drop(st, Left)
			return
		}
		st.at += uint64(n)
		if n < len(v.data) {
			sh.stall(st)
			return
		}
		if st.at == v.end {
			return
		}
	}
}

// stall waits until a full socket takes more. sh.mu is held.
func (sh *shard) stall(st *seat) {
	st.full = sh.second(time.Now())
	sh.stalled[st] = struct{}{}
	sh.want(st, unix.EPOLLRDHUP|unix.EPOLLOUT)
}

func (sh *shard) want(st *seat, events uint32) {
	ev := unix.EpollEvent{Events: events, Fd: st.fd, Pad: int32(st.gen)}
	if err := unix.EpollCtl(sh.epfd, unix.EPOLL_CTL_MOD, int(st.fd), &ev); err != nil {
		sh.drop(st, Left)
	}
}

// hear serves the connections that are writable again and drops those whose
// other side has gone.
func (sh *shard) hear() {
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
			sh.event(ev)
		}
		sh.mu.Unlock()
	}
}

// event is told by the epoll. sh.mu is held.
func (sh *shard) event(ev unix.EpollEvent) {
	st := sh.byFD[ev.Fd]
	if st == nil || st.gen != uint32(ev.Pad) {
		return
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		sh.drop(st, Left)
		return
	}
	st.full = 0
	delete(sh.stalled, st)
	sh.want(st, unix.EPOLLRDHUP)
	if st.sec != nil {
		var v view
		sh.serve(st, &v)
	}
}

// keep pings the sections that nothing was sent to, cuts the seats that take
// nothing, and ends those whose time has come.
func (sh *shard) keep() {
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
	for st := range sh.stalled {
		if st.full < limit {
			sh.drop(st, Stalled)
		}
	}
	for _, sec := range sh.sections {
		for i := len(sec.seats) - 1; i >= 0; i-- {
			if st := sec.seats[i]; st.ends != 0 && st.ends <= second {
				sh.bye(st, 0, Ended)
			}
		}
		if now.Sub(sec.spoke) >= PingEvery && sec.ping == nil {
			sec.ping = Ping()
			sec.mark()
		}
	}
}

// bye sends a seat away with the time after which to come back.
func (sh *shard) bye(st *seat, retry time.Duration, why Cut) {
	if st.full == 0 {
		var v view
		sh.serve(st, &v)
	}
	if st.sec != nil && st.full == 0 {
		sh.send(st, Bye(retry))
	}
	if st.sec != nil {
		sh.drop(st, why)
	}
}

// drop ends a seat. sh.mu is held; st.sec is nil afterwards.
func (sh *shard) drop(st *seat, why Cut) {
	sec := st.sec
	sh.hub.count.cuts[why].Add(1)
	sh.hub.count.taken.Add(-1)
	unix.Close(int(st.fd))
	sh.byFD[st.fd] = nil
	delete(sh.stalled, st)
	last := len(sec.seats) - 1
	sec.seats[st.index] = sec.seats[last]
	sec.seats[st.index].index = st.index
	sec.seats[last] = nil
	sec.seats = sec.seats[:last]
	if last == 0 {
		delete(sh.sections, sec.a)
		sec.a.unseat(sec)
	}
	st.sec = nil
	sh.hub.release(sec.a)
	st.gone()
}

// close sends everybody away, a slice at a time, with times to come back that
// are spread over spread.
func (ss *seats) close(spread time.Duration) {
	for _, sh := range ss.shards {
		sh.mu.Lock()
		sh.closed = true
		sh.mu.Unlock()
		for sh.clear(spread) {
			runtime.Gosched()
		}
		close(sh.quit)
		sh.ep.Close()
	}
}

func (sh *shard) clear(spread time.Duration) (more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := 0
	for _, sec := range sh.sections {
		for len(sec.seats) > 0 {
			if n++; n > sliceOf {
				return true
			}
			sh.bye(sec.seats[len(sec.seats)-1], time.Duration(rand.Int64N(int64(spread)+1)), Shutdown)
		}
	}
	return false
}

// send writes all of b or reports false.
func (sh *shard) send(st *seat, b []byte) bool {
	n, err := write(st.fd, b)
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

func (ss *seats) ready() bool { return len(ss.shards) > 0 }

// sweeps is how often a section was swept over.
func (ss *seats) sweeps() (n uint64) {
	for _, sh := range ss.shards {
		sh.mu.Lock()
		n += sh.sweeps
		sh.mu.Unlock()
	}
	return n
}
