//go:build linux

package main

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// floor is the least that a broadcaster can do: one thread, one epoll, a
// canned answer, no real HTTP, one write for each listener and line.
// GET with room=3: listen. POST with room=3: the body is said.
//
// Decision: Go without its scheduler (one locked thread, raw system calls)
// instead of C, so that nothing but Go is needed.
func floor(addr string) error {
	runtime.LockOSThread()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	f := &broadcaster{conns: map[int32]*[]byte{}, rooms: map[string][]int32{}}
	at := unix.SockaddrInet4{}
	copy(at.Addr[:], net.ParseIP(host).To4())
	at.Port, _ = strconv.Atoi(port)
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(ln, &at); err != nil {
		return err
	}
	if err := unix.Listen(ln, 4096); err != nil {
		return err
	}
	if f.ep, err = unix.EpollCreate1(0); err != nil {
		return err
	}
	f.watch(int32(ln))
	events := make([]unix.EpollEvent, 512)
	for {
		n := f.wait(events)
		for _, ev := range events[:n] {
			if int(ev.Fd) == ln {
				f.accept(ln)
			} else {
				f.request(ev.Fd)
			}
		}
	}
}

type broadcaster struct {
	ep    int
	conns map[int32]*[]byte  // requests that are not whole
	rooms map[string][]int32 // those who listen
}

const (
	floorHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n: hi\n\n"
	floorDone = "HTTP/1.1 204 No Content\r\n\r\n"
)

// wait blocks in the kernel without telling the scheduler.
func (f *broadcaster) wait(events []unix.EpollEvent) int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(f.ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

func (f *broadcaster) watch(fd int32) {
	_ = unix.EpollCtl(f.ep, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd})
}

func (f *broadcaster) accept(ln int) {
	for {
		fd, _, err := unix.Accept4(ln, unix.SOCK_NONBLOCK)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		f.conns[int32(fd)] = &[]byte{}
		f.watch(int32(fd))
	}
}

func (f *broadcaster) request(fd int32) {
	var chunk [8192]byte
	n, err := unix.Read(int(fd), chunk[:])
	if err == unix.EAGAIN {
		return
	}
	have := f.conns[fd]
	if err != nil || n <= 0 || have == nil {
		f.gone(fd)
		return
	}
	*have = append(*have, chunk[:n]...)
	head, body, whole := bytes.Cut(*have, []byte("\r\n\r\n"))
	if !whole {
		return
	}
	if head[0] == 'G' {
		delete(f.conns, fd)
		room := string(roomIn(head))
		f.rooms[room] = append(f.rooms[room], fd)
		raw(fd, []byte(floorHead))
		return
	}
	_, length, _ := bytes.Cut(head, []byte("Content-Length: "))
	if size := int(number(bytes.TrimRight(length[:min(len(length), 8)], "\r\n "))); len(body) >= size {
		f.say(body[:size])
		*have = (*have)[:0]
		raw(fd, []byte(floorDone))
	}
}

// say decodes the form no further than the mark needs.
func (f *broadcaster) say(form []byte) {
	_, text, _ := bytes.Cut(form, []byte("message="))
	line := append([]byte("data: "), bytes.ReplaceAll(text, []byte("%40"), []byte("@"))...)
	line = append(line, "\n\n"...)
	room := roomIn(form)
	all := f.rooms[string(room)]
	for i := len(all) - 1; i >= 0; i-- {
		if fd := all[i]; raw(fd, line) != len(line) { // too slow, or gone
			all[i] = all[len(all)-1]
			all = all[:len(all)-1]
			unix.Close(int(fd))
		}
	}
	f.rooms[string(room)] = all
}

// roomIn returns the value of room=.
func roomIn(b []byte) []byte {
	_, room, _ := bytes.Cut(b, []byte("room="))
	if end := bytes.IndexAny(room, "& "); end >= 0 {
		room = room[:end]
	}
	return room
}

func (f *broadcaster) gone(fd int32) {
	delete(f.conns, fd)
	for room, all := range f.rooms {
		if i := slices.Index(all, fd); i >= 0 {
			f.rooms[room] = slices.Delete(all, i, i+1)
		}
	}
	unix.Close(int(fd))
}

// raw writes without telling the scheduler.
func raw(fd int32, b []byte) int {
	n, _, err := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if err != 0 {
		return -1
	}
	return int(n)
}
