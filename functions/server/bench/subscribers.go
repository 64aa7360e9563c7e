//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Subscribers are many listeners on one thread: raw sockets, one epoll, one
// buffer. It finds lines by their mark, whatever the server writes around them.
type subscribers struct {
	load    load
	cookies []string
	cursor  string
	addr    unix.SockaddrInet4
	ep      int
	all     []subscriber
	byFD    []int32
	opening int // connections that have no answer yet
	nextUp  int // the next to open

	opened, failed, delivered, old, last, warmed atomic.Int64
	stop                                         atomic.Bool
	done                                         chan struct{}
	slots                                        chan struct{} // of the window

	// The thread's own until done.
	times   spread
	reached []int32 // listeners that have a line, by its number
}

// A subscriber is one connection.
type subscriber struct {
	fd    int32
	room  int32
	open  bool
	got   int32
	order uint64 // a hash of the lines in the order they came
	tail  []byte // an unfinished head, or an unfinished mark
}

const (
	mark      = "@@"
	atOnce    = 200     // connections being opened
	front     = 8 << 10 // room for a tail in front of what is read
	readSize  = 256 << 10
	bigBuffer = 4 << 10 // SO_RCVBUF of a listener that stops reading: small
)

func subscribe(l load, cookies []string, cursor string) (*subscribers, error) {
	host, port, err := net.SplitHostPort(l.Addr)
	if err != nil {
		return nil, err
	}
	h := &subscribers{load: l, cookies: cookies, cursor: cursor, all: make([]subscriber, l.N), done: make(chan struct{})}
	copy(h.addr.Addr[:], net.ParseIP(host).To4())
	h.addr.Port, _ = strconv.Atoi(port)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	if h.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.Window > 0 && !l.Deaf {
		h.slots = make(chan struct{}, l.Window)
	}
	go h.run()
	for end := time.Now().Add(time.Minute); h.opened.Load()+h.failed.Load() < int64(l.N); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, fmt.Errorf("%d of %d listeners were answered", h.opened.Load(), l.N)
		}
	}
	return h, nil
}

func (h *subscribers) close() {
	h.stop.Store(true)
	<-h.done
}

func (h *subscribers) run() {
	runtime.LockOSThread()
	defer close(h.done)
	events := make([]unix.EpollEvent, 1024)
	buf := make([]byte, front+readSize)
	for !h.stop.Load() {
		for h.opening < atOnce && h.nextUp < len(h.all) {
			h.connect(h.nextUp)
			h.nextUp++
		}
		n, _ := unix.EpollWait(h.ep, events, 20)
		for _, ev := range events[:max(n, 0)] {
			h.event(ev, buf)
		}
	}
	for _, s := range h.all {
		if s.fd > 0 {
			unix.Close(int(s.fd))
		}
	}
	unix.Close(h.ep)
}

// connect is blocking, which over loopback takes no time, and sends the
// request. From each address come at most 20,000 connections.
func (h *subscribers) connect(i int) {
	s := &h.all[i]
	s.room = int32(i % h.load.Rooms)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.failed.Add(1)
		return
	}
	if i < h.load.Stalled {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bigBuffer)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i/20000)}})
	if err == nil {
		err = unix.Connect(fd, &h.addr)
	}
	if err == nil {
		_, err = unix.Write(fd, h.request(i))
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil {
		err = unix.EpollCtl(h.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	}
	if err != nil {
		unix.Close(fd)
		h.failed.Add(1)
		return
	}
	for fd >= len(h.byFD) {
		h.byFD = append(h.byFD, make([]int32, 4096)...)
	}
	h.byFD[fd] = int32(i)
	s.fd = int32(fd)
	h.opening++
}

func (h *subscribers) request(i int) []byte {
	b := []byte("GET /stream?")
	for k := range h.load.Each {
		// The rooms of a listener are far apart, and two listeners of one room
		// have other rooms beside it.
		room := (i%h.load.Rooms + k*(i/h.load.Rooms+1) + k) % h.load.Rooms
		if h.load.Deaf {
			room = h.load.Rooms
		}
		b = fmt.Appendf(b, "&room=%d", room)
	}
	if h.cursor != "" {
		b = append(append(b, "&last_event_id="...), h.cursor...)
	}
	b = append(b, " HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n"...)
	if len(h.cookies) > 0 {
		b = append(append(append(b, "Cookie: "...), h.cookies[i%len(h.cookies)]...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

func (h *subscribers) event(ev unix.EpollEvent, buf []byte) {
	i := h.byFD[ev.Fd]
	s := &h.all[i]
	n, err := unix.Read(int(s.fd), buf[front:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if err != nil || n == 0 {
		unix.Close(int(s.fd))
		s.fd = 0
		if !s.open {
			h.opening--
		}
		if int(i) >= h.load.Stalled {
			h.failed.Add(1)
		}
		return
	}
	data := buf[front-len(s.tail) : front+n]
	copy(data, s.tail)
	s.tail = nil
	if !s.open {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 || !bytes.HasPrefix(data, []byte("HTTP/1.1 200")) {
			s.tail = bytes.Clone(data[:min(len(data), front)])
			return
		}
		s.open = true
		h.opening--
		h.opened.Add(1)
		data = data[end+4:]
		if int(i) < h.load.Stalled {
			_ = unix.EpollCtl(h.ep, unix.EPOLL_CTL_DEL, int(s.fd), nil)
			return
		}
	}
	h.scan(s, data)
}

// scan takes the lines "@@room.number.nanoseconds@@" out of what came.
func (h *subscribers) scan(s *subscriber, data []byte) {
	now := time.Now()
	got := int64(0)
	for {
		i := bytes.Index(data, []byte(mark))
		if i < 0 {
			if bytes.HasSuffix(data, []byte(mark[:1])) {
				s.tail = []byte(mark[:1])
			}
			break
		}
		end := bytes.Index(data[i+2:], []byte(mark))
		if end < 0 {
			s.tail = bytes.Clone(data[i:])
			break
		}
		if h.count(s, data[i+2:i+2+end], now) {
			got++
		}
		data = data[i+4+end:]
	}
	if got > 0 {
		h.delivered.Add(got)
		h.last.Store(now.UnixNano())
	}
}

// count counts one line and reports whether it is to be measured.
func (h *subscribers) count(s *subscriber, line []byte, now time.Time) bool {
	a, b := bytes.IndexByte(line, '.'), bytes.LastIndexByte(line, '.')
	if a <= 0 || b <= a {
		return false
	}
	seq, at := number(line[a+1:b]), number(line[b+1:])
	if at == 0 {
		h.old.Add(1)
		return false
	}
	if at == 1 {
		h.warmed.Add(1)
		return false
	}
	s.got++
	s.order = (s.order ^ uint64(seq)) * 1099511628211
	h.times.add(time.Duration(now.UnixNano() - at))
	if h.slots != nil {
		for int(seq) >= len(h.reached) {
			h.reached = append(h.reached, make([]int32, 4096)...)
		}
		if h.reached[seq]++; int(h.reached[seq]) == h.load.N/h.load.Rooms {
			<-h.slots
		}
	}
	return true
}

func number(b []byte) (n int64) {
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n
}

// await returns when so many deliveries have come, or nothing more comes.
func (h *subscribers) await(due int64) { wait(&h.delivered, due) }

// awaitOld waits for lines from before the listeners came.
func (h *subscribers) awaitOld(due int64) { wait(&h.old, due) }

func wait(n *atomic.Int64, due int64) {
	last, since := n.Load(), time.Now()
	for n.Load() < due && time.Since(since) < quiet {
		time.Sleep(time.Millisecond)
		if now := n.Load(); now != last {
			last, since = now, time.Now()
		}
	}
}

func (h *subscribers) lastAt() time.Time { return time.Unix(0, h.last.Load()) }

// latency and disorder end the listening.
func (h *subscribers) latency(q float64) float64 {
	h.stop.Store(true)
	<-h.done
	return h.times.at(q)
}

// disorder is how many readers saw another order than the first of their room.
func (h *subscribers) disorder() (n int) {
	if h.load.Each > 1 || h.load.Deaf {
		return 0 // rooms have no common order
	}
	first := map[int32]uint64{}
	for _, s := range h.all[h.load.Stalled:] {
		if order, ok := first[s.room]; !ok {
			first[s.room] = s.order
		} else if order != s.order {
			n++
		}
	}
	return n
}
