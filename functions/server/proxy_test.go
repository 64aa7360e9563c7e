package main_test

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A proxy is a bad network between a client and a server. It passes TCP on
// until it is told to do something else.
type proxy struct {
	addr   string
	target string
	ln     net.Listener

	mu    sync.Mutex // guards what follows
	free  *sync.Cond // signalled when something below changes
	conns map[*link]struct{}
	held  [2]bool       // up, down: nothing passes, as on a link that is down
	from  []string      // hosts to and from which nothing passes
	delay time.Duration // each way
	shut  bool          // new connections are reset
	ended bool
}

const (
	up   = 0 // client to server
	down = 1
)

// A link is one connection through the proxy.
type link struct {
	p        *proxy
	ends     [2]net.Conn // the client's, the server's
	stranded bool        // the other side is gone for good, and nobody said so
	deaf     bool        // what goes down is lost
	closed   bool
}

func startProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{addr: ln.Addr().String(), target: strings.TrimPrefix(target, "http://"), ln: ln, conns: map[*link]struct{}{}}
	p.free = sync.NewCond(&p.mu)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	tb.Cleanup(func() {
		ln.Close()
		p.set(func() { p.ended = true })
		p.cut()
		wg.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	p.mu.Lock()
	shut := p.shut || p.ended
	p.mu.Unlock()
	if shut {
		reset(client)
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	l := &link{p: p, ends: [2]net.Conn{client, server}}
	p.set(func() { p.conns[l] = struct{}{} })
	var wg sync.WaitGroup
	wg.Go(func() { l.pass(up) })
	wg.Go(func() { l.pass(down) })
	wg.Wait()
	l.close(false)
	p.set(func() { delete(p.conns, l) })
}

// pass copies one direction, each piece as late as it was told.
func (l *link) pass(way int) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 1024)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if !l.wait(way) {
				continue
			}
			if way == down && l.isDeaf() {
				continue
			}
			if _, err := l.ends[1-way].Write(p.data); err != nil {
				l.close(false)
			}
		}
	})
	buf := make([]byte, 32<<10)
	for {
		n, err := l.ends[way].Read(buf)
		if n > 0 {
			l.p.mu.Lock()
			due := time.Now().Add(l.p.delay)
			l.p.mu.Unlock()
			pieces <- piece{append([]byte(nil), buf[:n]...), due}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	wg.Wait()
	if l.wait(way) { // an end is news, which a dead link does not carry
		l.close(false)
	}
}

// wait returns when the direction is open, and reports whether there is still
// somebody to send to.
func (l *link) wait(way int) bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	host, _, _ := net.SplitHostPort(l.ends[0].RemoteAddr().String())
	for !l.closed && !l.p.ended && (l.stranded || l.p.held[way] || slices.Contains(l.p.from, host)) {
		l.p.free.Wait()
	}
	return !l.closed && !l.p.ended
}

func (l *link) isDeaf() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.deaf
}

func (l *link) close(hard bool) {
	l.p.set(func() { l.closed = true })
	for _, c := range l.ends {
		if hard {
			reset(c)
		} else {
			c.Close()
		}
	}
}

// reset closes with RST instead of FIN.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.free.Broadcast()
}

func (p *proxy) links() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ls []*link
	for l := range p.conns {
		ls = append(ls, l)
	}
	return ls
}

// cut ends all connections with FIN, storm with RST.
func (p *proxy) cut() {
	for _, l := range p.links() {
		l.close(false)
	}
}

func (p *proxy) storm() {
	for _, l := range p.links() {
		l.close(true)
	}
}

// strand leaves present connections half-open for ever: all, or those that
// the server knows by these addresses. New ones work.
func (p *proxy) strand(addrs ...string) { p.mark(addrs, func(l *link) { l.stranded = true }) }

// deafen loses what the server sends on these connections while it is on.
func (p *proxy) deafen(on bool, addrs ...string) { p.mark(addrs, func(l *link) { l.deaf = on }) }

func (p *proxy) mark(addrs []string, do func(*link)) {
	p.set(func() {
		for l := range p.conns {
			if len(addrs) == 0 || slices.Contains(addrs, l.ends[1].LocalAddr().String()) {
				do(l)
			}
		}
	})
}

// hold stops what goes up, down or both, for present and new connections.
// What was held is delivered after, as TCP does when a link is back.
func (p *proxy) hold(upHeld, downHeld bool) { p.set(func() { p.held = [2]bool{upHeld, downHeld} }) }

// holdFrom is hold for what these hosts have to do with the server; none lifts
// it. Hosts on loopback are addresses in 127.0.0.0/8.
func (p *proxy) holdFrom(hosts ...string) { p.set(func() { p.from = hosts }) }

func (p *proxy) slow(d time.Duration) { p.set(func() { p.delay = d }) }

// part refuses everything, present and new, until it is undone.
func (p *proxy) part(on bool) {
	p.set(func() { p.shut = on })
	if on {
		p.storm()
	}
}

// echoServer answers every byte with itself.
func echoServer(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	return ln.Addr().String()
}

func TestProxyDoesWhatItIsTold(t *testing.T) {
	p := startProxy(t, echoServer(t))
	dial := func() net.Conn {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	// echo reports how long an answer took, or the error.
	echo := func(c net.Conn, patience time.Duration) (time.Duration, error) {
		start := time.Now()
		c.SetDeadline(start.Add(patience))
		if _, err := c.Write([]byte("x")); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(c, make([]byte, 1))
		return time.Since(start), err
	}
	timeout := func(err error) bool { e, ok := err.(net.Error); return ok && e.Timeout() }
	const soon, long = 100 * time.Millisecond, 5 * time.Second

	c := dial()
	if _, err := echo(c, long); err != nil {
		t.Fatalf("passes: %v", err)
	}
	p.slow(50 * time.Millisecond)
	if d, err := echo(c, long); err != nil || d < 100*time.Millisecond {
		t.Errorf("delayed each way by 50 ms: %v, %v", d, err)
	}
	p.slow(0)
	for _, held := range [][2]bool{{true, true}, {true, false}, {false, true}} {
		p.hold(held[0], held[1])
		if _, err := echo(c, soon); !timeout(err) {
			t.Errorf("held %v: %v", held, err)
		}
		p.hold(false, false)
		c.SetDeadline(time.Now().Add(long))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("what was held %v did not come: %v", held, err)
		}
	}
	p.holdFrom("127.0.0.2")
	if _, err := echo(c, long); err != nil {
		t.Errorf("another host is held: %v", err)
	}
	p.holdFrom("127.0.0.2", "127.0.0.1")
	if _, err := echo(c, soon); !timeout(err) {
		t.Errorf("its host is held: %v", err)
	}
	p.holdFrom()
	c.SetDeadline(time.Now().Add(long))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("what was held from a host did not come: %v", err)
	}
	p.strand()
	if _, err := echo(c, soon); !timeout(err) {
		t.Errorf("stranded: %v", err)
	}
	c = dial()
	if _, err := echo(c, long); err != nil {
		t.Errorf("new beside a stranded one: %v", err)
	}
	p.storm()
	if _, err := echo(c, long); err == nil || timeout(err) {
		t.Errorf("reset: %v", err)
	}
	p.part(true)
	c, err := net.Dial("tcp", p.addr)
	if err == nil { // it is reset a moment later
		_, err = echo(c, long)
		c.Close()
	}
	if err == nil || timeout(err) {
		t.Errorf("parted: %v", err)
	}
	p.part(false)
	c = dial()
	if _, err := echo(c, long); err != nil {
		t.Errorf("after all: %v", err)
	}
	p.cut()
	c.SetDeadline(time.Now().Add(long))
	if _, err := c.Read(make([]byte, 1)); err == nil || timeout(err) {
		t.Errorf("cut: %v", err)
	}
}
