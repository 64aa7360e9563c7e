package store

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Links are the connections to Redis. One on which an answer did not come in
// time is closed by the driver; the others to the same address, which wait in
// a pool, may have died with it and would each cost a post the same time. So
// those that have heard nothing since then are closed too.
type links struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex // guards what follows, and the times in it
	open map[*link]bool
}

type link struct {
	net.Conn
	all   *links
	addr  string
	asked time.Time // when it was last written to, having had its answer
	heard time.Time
}

func newLinks(dial func(context.Context, string, string) (net.Conn, error)) *links {
	return &links{dial: dial, open: map[*link]bool{}}
}

func (ls *links) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := ls.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: conn, all: ls, addr: addr, heard: time.Now()}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.open[l] = true
	return l, nil
}

func (l *link) Write(b []byte) (int, error) {
	l.all.mu.Lock()
	if !l.asked.After(l.heard) {
		l.asked = time.Now()
	}
	l.all.mu.Unlock()
	return l.Conn.Write(b)
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.all.mu.Lock()
	if n > 0 {
		l.heard = time.Now()
	}
	asked := l.asked
	l.all.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(asked) >= dialTimeout { // not an impatient caller
		l.all.cut(l.addr, asked)
	}
	return n, err
}

// cut closes what is as dead as a connection to the address on which nothing
// came since.
func (ls *links) cut(addr string, since time.Time) {
	var dead []*link
	ls.mu.Lock()
	for l := range ls.open {
		if l.addr == addr && l.heard.Before(since) {
			dead = append(dead, l)
		}
	}
	ls.mu.Unlock()
	for _, l := range dead {
		l.Close()
	}
}

func (l *link) Close() error {
	l.all.mu.Lock()
	delete(l.all.open, l)
	l.all.mu.Unlock()
	return l.Conn.Close()
}

// SyscallConn is how the driver asks, before it takes a connection from its
// pool, whether that is alive. TLS has no answer, but that it was closed.
func (l *link) SyscallConn() (syscall.RawConn, error) {
	l.all.mu.Lock()
	open := l.all.open[l]
	l.all.mu.Unlock()
	if !open {
		return nil, net.ErrClosed
	}
	if raw, ok := l.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return sealed{}, nil
}

type sealed struct{}

func (sealed) Control(func(uintptr)) error    { return nil }
func (sealed) Read(func(uintptr) bool) error  { return nil }
func (sealed) Write(func(uintptr) bool) error { return nil }
