package network_test

import (
	"io"
	"net"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
)

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
	p := network.StartProxy(t, echoServer(t))
	dial := func() net.Conn {
		c, err := net.Dial("tcp", p.Addr)
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
	p.Slow(50 * time.Millisecond)
	if d, err := echo(c, long); err != nil || d < 100*time.Millisecond {
		t.Errorf("delayed each way by 50 ms: %v, %v", d, err)
	}
	p.Slow(0)
	for _, held := range [][2]bool{{true, true}, {true, false}, {false, true}} {
		p.Hold(held[0], held[1])
		if _, err := echo(c, soon); !timeout(err) {
			t.Errorf("held %v: %v", held, err)
		}
		p.Hold(false, false)
		c.SetDeadline(time.Now().Add(long))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("what was held %v did not come: %v", held, err)
		}
	}
	p.HoldFrom("127.0.0.2")
	if _, err := echo(c, long); err != nil {
		t.Errorf("another host is held: %v", err)
	}
	p.HoldFrom("127.0.0.2", "127.0.0.1")
	if _, err := echo(c, soon); !timeout(err) {
		t.Errorf("its host is held: %v", err)
	}
	p.HoldFrom()
	c.SetDeadline(time.Now().Add(long))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("what was held from a host did not come: %v", err)
	}
	p.Strand()
	if _, err := echo(c, soon); !timeout(err) {
		t.Errorf("stranded: %v", err)
	}
	c = dial()
	if _, err := echo(c, long); err != nil {
		t.Errorf("new beside a stranded one: %v", err)
	}
	p.ResetAll()
	if _, err := echo(c, long); err == nil || timeout(err) {
		t.Errorf("reset: %v", err)
	}
	p.Part(true)
	c, err := net.Dial("tcp", p.Addr)
	if err == nil { // it is reset a moment later
		_, err = echo(c, long)
		c.Close()
	}
	if err == nil || timeout(err) {
		t.Errorf("parted: %v", err)
	}
	p.Part(false)
	c = dial()
	if _, err := echo(c, long); err != nil {
		t.Errorf("after all: %v", err)
	}
	p.EndAll()
	c.SetDeadline(time.Now().Add(long))
	if _, err := c.Read(make([]byte, 1)); err == nil || timeout(err) {
		t.Errorf("cut: %v", err)
	}
}
