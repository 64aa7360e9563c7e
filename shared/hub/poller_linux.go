package hub

import (
	"cmp"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sendBuffer  = 28 << 10         // SO_SNDBUF: the kernel doubles it (socket(7)), and with what it overdraws holds under 64 KiB for one connection
	userTimeout = 30 * time.Second // TCP_USER_TIMEOUT: sent and not acknowledged for so long means dead (RFC 5482)
)

// A poller writes to the adopted connections. Each belongs to one shard.
//
// Decision: descriptors in an epoll of our own instead of net.Conn, because a
// goroutine and its stack for a connection cost over 6 KB, and its wake-up
// more than the write; measured by make bench.
type poller struct {
	hub    *Hub
	shards []*shard
	next   atomic.Uint32
	gens   atomic.Uint32
}

func (p *poller) open(h *Hub) {
	p.hub = h
	for range runtime.GOMAXPROCS(0) {
		sh, err := newShard(h)
		if err != nil {
			h.slog.Warn("opening an epoll failed, every stream keeps a goroutine", "err", err)
			return
		}
		p.shards = append(p.shards, sh)
		h.wg.Go(sh.writeLoop)
		h.wg.Go(sh.pollLoop)
		h.wg.Go(sh.tickLoop)
	}
}

func (p *poller) ready() bool { return len(p.shards) > 0 }

// adopt gives r's connection to a shard. It refuses what is no plain TCP.
func (p *poller) adopt(r *Reader, nc net.Conn, as Adoption) bool {
	tcp, ok := nc.(*net.TCPConn)
	if !ok || len(p.shards) == 0 {
		return false
	}
	fd, err := detach(tcp)
	if err != nil {
		return false
	}
	sh := p.shards[p.next.Add(1)%uint32(len(p.shards))]
	c := &conn{at: r.at, holder: as.Holder, fd: int32(fd), gen: p.gens.Add(1), user: r.user}
	if !as.Ends.IsZero() {
		c.ends = sh.second(as.Ends)
	}
	r.hub.count.adopted.Add(1)
	sh.add(c, groupKey{a: r.a, ping: cmp.Or(as.Ping, PingEvery), chunked: as.Chunked}, r.lossesSeen)
	return true
}

// detach returns a descriptor of the connection that Go's poller does not know.
func detach(tcp *net.TCPConn) (fd int, err error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, err
	}
	cerr := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if cerr != nil || err != nil {
		return -1, os.ErrInvalid
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	tcp.Close() // the new descriptor keeps the connection
	return fd, nil
}

// close ends all connections, a slice at a time, with times to come back that
// are spread over spread.
func (p *poller) close(spread time.Duration) {
	for _, sh := range p.shards {
		sh.mu.Lock()
		sh.closed = true
		sh.mu.Unlock()
		for sh.closeSlice(spread) {
			runtime.Gosched()
		}
		close(sh.quit)
		sh.ep.Close()
	}
}

// closeSlice ends some connections and reports whether there are more.
func (sh *shard) closeSlice(spread time.Duration) (more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := 0
	for _, g := range sh.groups {
		for len(g.conns) > 0 {
			if n++; n > sliceSize {
				return true
			}
			sh.sendBye(g.conns[len(g.conns)-1], time.Duration(rand.Int64N(int64(spread)+1)), Shutdown)
		}
	}
	return false
}

// sweeps is how often a connection group was swept over.
func (p *poller) sweeps() (n uint64) {
	for _, sh := range p.shards {
		sh.mu.Lock()
		n += sh.sweeps
		sh.mu.Unlock()
	}
	return n
}

// send writes all of b or reports false.
func (sh *shard) send(c *conn, b []byte) bool {
	n, err := write(c.fd, b)
	return err == 0 && n == len(b)
}

// write is one non-blocking send. It never blocks, so the scheduler need not
// know of it.
func write(fd int32, b []byte) (int, syscall.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	n, _, err := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}
