package httpserver

import (
	"net"

	"golang.org/x/sys/unix"
)

// The filter of a socket sees a segment from its TCP header on. This one drops
// what asks for a connection: SYN without ACK, in the 14th byte (RFC 9293 §3.1).
var noSyn = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x02, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18}, // more than any segment has
}

// dropSYNs has the kernel leave new connection requests unanswered. Connections
// that are made, and those in their handshake, stay.
func dropSYNs(ln *net.TCPListener) error {
	return control(ln, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(noSyn)), Filter: &noSyn[0]})
	})
}

// waiting reports whether a connection is there to be accepted.
func waiting(ln *net.TCPListener) bool {
	n := 0
	err := control(ln, func(fd int) (err error) {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err
	})
	return n > 0 && err == nil
}

func control(ln *net.TCPListener, f func(fd int) error) error {
	raw, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
