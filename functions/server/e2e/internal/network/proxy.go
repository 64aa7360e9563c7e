// Package network is a bad network, for tests: a proxy that cuts, stalls and
// slows the connections that pass through it, and stops reading from them.
package network

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Proxy is a bad network between a client and a server. It passes TCP on
// until it is told to do something else.
type Proxy struct {
	Addr   string
	target string
	ln     net.Listener

	mu    sync.Mutex // guards what follows
	free  *sync.Cond // signalled when something below changes
	conns map[*pipe]struct{}
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

// A pipe is one connection through the proxy.
type pipe struct {
	p        *Proxy
	ends     [2]net.Conn // the client's, the server's
	stranded bool        // the other side is gone for good, and nobody said so
	deaf     bool        // what goes down is lost
	cutting  bool        // the connection is cut when more than this has gone down:
	left     int         // bytes
	hard     bool        // it is reset
	closed   bool
}

func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{Addr: ln.Addr().String(), target: strings.TrimPrefix(target, "http://"), ln: ln, conns: map[*pipe]struct{}{}}
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
		p.EndAll()
		wg.Wait()
	})
	return p
}

func (p *Proxy) serve(client net.Conn) {
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
	l := &pipe{p: p, ends: [2]net.Conn{client, server}}
	p.set(func() { p.conns[l] = struct{}{} })
	var wg sync.WaitGroup
	wg.Go(func() { l.pass(up) })
	wg.Go(func() { l.pass(down) })
	wg.Wait()
	l.close(false)
	p.set(func() { delete(p.conns, l) })
}

// pass copies one direction, each piece as late as it was told.
func (l *pipe) pass(way int) {
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
			data, cut := p.data, false
			if way == down {
				data, cut = l.cutOff(data)
			}
			if _, err := l.ends[1-way].Write(data); err != nil {
				l.close(false)
			}
			if cut {
				l.close(l.hard)
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
func (l *pipe) wait(way int) bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	host, _, _ := net.SplitHostPort(l.ends[0].RemoteAddr().String())
	for !l.closed && !l.p.ended && (l.stranded || l.p.held[way] || slices.Contains(l.p.from, host)) {
		l.p.free.Wait()
	}
	return !l.closed && !l.p.ended
}

func (l *pipe) isDeaf() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.deaf
}

// cutOff returns what still goes down of some data, and whether the connection
// is cut after it.
func (l *pipe) cutOff(data []byte) (_ []byte, cut bool) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if !l.cutting || l.left >= len(data) {
		l.left -= len(data)
		return data, false
	}
	return data[:max(0, l.left)], true
}

func (l *pipe) close(hard bool) {
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

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.free.Broadcast()
}

func (p *Proxy) pipes() []*pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ls []*pipe
	for l := range p.conns {
		ls = append(ls, l)
	}
	return ls
}

// EndAll ends all connections with FIN, ResetAll with RST.
func (p *Proxy) EndAll() {
	for _, l := range p.pipes() {
		l.close(false)
	}
}

func (p *Proxy) ResetAll() {
	for _, l := range p.pipes() {
		l.close(true)
	}
}

// CutAfter cuts present connections once so many more bytes have come down, with
// RST if hard, or else with FIN.
func (p *Proxy) CutAfter(bytes int, hard bool) {
	p.mark(nil, func(l *pipe) { l.cutting, l.left, l.hard = true, bytes, hard })
}

// Strand leaves present connections half-open for ever: all, or those that
// the server knows by these addresses. New ones work.
func (p *Proxy) Strand(addrs ...string) { p.mark(addrs, func(l *pipe) { l.stranded = true }) }

// Deafen loses what the server sends on these connections while it is on.
func (p *Proxy) Deafen(on bool, addrs ...string) { p.mark(addrs, func(l *pipe) { l.deaf = on }) }

func (p *Proxy) mark(addrs []string, do func(*pipe)) {
	p.set(func() {
		for l := range p.conns {
			if len(addrs) == 0 || slices.Contains(addrs, l.ends[1].LocalAddr().String()) {
				do(l)
			}
		}
	})
}

// Hold stops what goes up, down or both, for present and new connections.
// What was held is delivered after, as TCP does when a link is back.
func (p *Proxy) Hold(upHeld, downHeld bool) { p.set(func() { p.held = [2]bool{upHeld, downHeld} }) }

// HoldFrom is hold for what these hosts have to do with the server; none lifts
// it. Hosts on loopback are addresses in 127.0.0.0/8.
func (p *Proxy) HoldFrom(hosts ...string) { p.set(func() { p.from = hosts }) }

func (p *Proxy) Slow(d time.Duration) { p.set(func() { p.delay = d }) }

// Part refuses everything, present and new, until it is undone.
func (p *Proxy) Part(on bool) {
	p.set(func() { p.shut = on })
	if on {
		p.ResetAll()
	}
}
