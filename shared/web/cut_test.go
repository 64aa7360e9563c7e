package web_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A cutter is a bad network in front of a server: it passes what the server
// sends up to a count of events, and then cuts the connection, by a reset and
// by a clean end in turn. A reset comes in the middle of an event.
type cutter struct {
	URL   string
	every int    // events
	mark  string // what each event has
	cut   func(sent []byte) (keep int, now bool)

	mu   sync.Mutex
	seen int // events since the last cut
	cuts int
}

func cutEvery(tb testing.TB, target string, every int) *cutter {
	c := &cutter{every: every, mark: `"prev":`}
	c.cut = c.count
	return c.start(tb, target)
}

func (c *cutter) start(tb testing.TB, target string) *cutter {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	u, _ := url.Parse(target)
	c.URL = "http://" + ln.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.serve(client.(*net.TCPConn), u.Host) })
		}
	})
	tb.Cleanup(func() { ln.Close() })
	return c
}

func (c *cutter) serve(client *net.TCPConn, target string) {
	defer client.Close()
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	go func() { _, _ = server.ReadFrom(client); server.Close() }()
	buf := make([]byte, 1<<20)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		copy(buf, bytes.Replace(buf[:n], []byte("retry: 2000\n"), []byte("retry: 0020\n"), 1)) // a test has no 2 s for each cut
		c.mu.Lock()
		keep, now := c.cut(buf[:n])
		hard := c.cuts%2 == 1
		c.mu.Unlock()
		if _, err := client.Write(buf[:keep]); err != nil {
			return
		}
		if now && hard {
			_ = client.SetLinger(0)
			return
		}
		if now {
			return
		}
	}
}

// count is called with c.mu held.
func (c *cutter) count(sent []byte) (keep int, now bool) {
	for at := 0; ; {
		i := bytes.Index(sent[at:], []byte(c.mark))
		if i < 0 {
			return len(sent), false
		}
		at += i + len(c.mark)
		if c.seen++; c.seen < c.every {
			continue
		}
		c.seen = 0
		if c.cuts++; c.cuts%2 == 1 {
			return at, true
		}
		return len(sent), true
	}
}
