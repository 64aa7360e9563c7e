package redis_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A link passes bytes on to Redis until it is frozen: then the connections
// that there are stay open and dead, half-open for good.
type link struct {
	l      net.Listener
	to     string
	mu     sync.Mutex
	conns  []net.Conn
	frozen map[net.Conn]bool
	wg     sync.WaitGroup
	// rewrite changes what Redis says, where it is not nil.
	rewrite func([]byte) []byte
}

func newLink(tb testing.TB, to string) *link { return newRewritingLink(tb, to, nil) }

func newRewritingLink(tb testing.TB, to string, rewrite func([]byte) []byte) *link {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	k := &link{l: l, to: to, frozen: map[net.Conn]bool{}, rewrite: rewrite}
	k.wg.Go(k.accept)
	tb.Cleanup(func() {
		l.Close()
		k.mu.Lock()
		for _, c := range k.conns {
			c.Close()
		}
		k.mu.Unlock()
		k.wg.Wait()
	})
	return k
}

func (k *link) addr() string { return k.l.Addr().String() }

func (k *link) accept() {
	for {
		in, err := k.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", k.to)
		if err != nil {
			in.Close()
			continue
		}
		k.mu.Lock()
		k.conns = append(k.conns, in, out)
		k.mu.Unlock()
		k.wg.Go(func() { k.pass(in, out, nil) })
		k.wg.Go(func() { k.pass(out, in, k.rewrite) })
	}
}

func (k *link) pass(from, to net.Conn, rewrite func([]byte) []byte) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		k.mu.Lock()
		dead := k.frozen[from]
		k.mu.Unlock()
		if dead {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if err != nil {
			to.Close()
			return
		}
		said := buf[:n]
		if rewrite != nil {
			said = rewrite(said)
		}
		_, _ = to.Write(said)
	}
}

func (k *link) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.conns) / 2
}

func (k *link) freeze() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		k.frozen[c] = true
	}
}
