package httpserver

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Clients connect one after another while a server that is slow to accept shuts
// down: a connection that was made is answered, and any other is refused before
// it has sent a word.
func TestDrainingAnswersEveryConnectionThatWasMade(t *testing.T) {
	ln, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("!"))
			conn.Close()
			time.Sleep(5 * time.Millisecond)
		}
	}()
	var answered, refused atomic.Int32
	var clients sync.WaitGroup
	came := make(chan struct{}, 40)
	for range cap(came) {
		clients.Go(func() {
			conn, err := net.Dial("tcp", ln.Addr().String())
			came <- struct{}{}
			if errors.Is(err, syscall.ECONNREFUSED) {
				refused.Add(1)
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Errorf("let in, and not answered: %v", err)
				return
			}
			answered.Add(1)
		})
	}
	for range cap(came) / 2 {
		<-came // the kernel let it in; few of them were accepted by now
	}
	drainListener(ln)
	late := make(chan error)
	go func() {
		_, err := net.Dial("tcp", ln.Addr().String())
		late <- err
	}()
	ln.Close()
	clients.Wait()
	if err := <-late; !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("who came too late: %v; want refused", err)
	}
	if n := answered.Load(); int(n) < cap(came)/2 || int(n+refused.Load()) != cap(came) {
		t.Errorf("%d answered, %d refused, of %d", n, refused.Load(), cap(came))
	}
}
