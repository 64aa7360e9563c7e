package faults_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

func TestTortureSlowReadersLagAlone(t *testing.T) {
	tortureAlone(t, "readers that stop reading", func(r *round) {
		const (
			fills  = 60               // long lines that no socket holds
			within = 14 * time.Second // 10, and what a busy machine needs to see it
			each   = 64 << 10
			ring   = 1 << 20 // which all share
		)
		s, figure := startMeasured(r, openTo(redistest.Start(r))...)
		n := some(60, 1000)
		l := r.load(plan{rooms: 1, readers: n, slow: n / 20, pace: 100 * time.Millisecond}, s.URL)
		slow := l.readers[:l.slow]
		cuts := func() int {
			return int(figure(`confab_stream_ends_total{reason="stalled"}`) + figure(`confab_stream_ends_total{reason="lagged"}`))
		}
		l.say3900(fills)
		heap := figure("heap")
		before := time.Now()
		r.calm()
		l.calmly = spell{before, time.Now()}
		for _, w := range slow {
			w.halt.Store(true)
		}
		l.say3900(fills)
		full := time.Now()
		grown := int(figure("heap") - heap)
		testenv.Holds(2*within, func() bool { return cuts() >= l.slow })
		cut := time.Since(full)
		l.roughly = spell{full, time.Now()}
		for _, w := range slow {
			w.halt.Store(false)
		}
		l.remark = fmt.Sprintf("; %d cut after %v, %d KiB more", l.slow, cut.Round(time.Millisecond), grown>>10)
		if n := cuts(); cut > within || n != l.slow {
			r.Errorf("%d readers of %d slow ones were cut after %v", n, l.slow, cut)
		}
		if grown > ring+l.slow*each {
			r.Errorf("%d slow readers cost %d KiB", l.slow, grown>>10)
		}
		r.calm()
		l.whole()
		l.checkOthers()
		for i, w := range l.readers {
			if w.slow != (w.conns > 1) {
				r.Errorf("reader %d of %d slow ones was connected %d times", i, len(slow), w.conns)
			}
		}
	})
}

// say3900 says lines of 3,900 characters, one after the other.
func (l *load) say3900(n int) {
	for i := range n {
		l.once(0, fmt.Sprintf("%d of %d at %v %s", i, n, time.Now().UnixNano(), strings.Repeat(".", 3800)))
	}
}

func TestTortureSlowClients(t *testing.T) {
	torture(t, "slow heads, slow bodies, idle connections", func(r *round) {
		s := process.Start(r)
		var wg sync.WaitGroup
		for _, c := range []struct {
			what, head string
			drip       bool
			limit      time.Duration
		}{
			{"slow head", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", true, 8 * time.Second},
			{"slow body", "POST /post HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", true, 14 * time.Second},
			{"idle", "", false, 8 * time.Second},
		} {
			for range some(50, 1000) {
				wg.Go(func() { drip(r, s, c.what, c.head, c.drip, c.limit) })
			}
		}
		for range 10 {
			began := time.Now()
			if resp, err := http.Get(s.URL + "/rooms"); err != nil || resp.StatusCode != 200 || time.Since(began) > 4*time.Second {
				r.Errorf("a newcomer was answered %v %v after %v", resp, err, time.Since(began))
			} else {
				resp.Body.Close()
			}
			pause(200 * time.Millisecond)
		}
		wg.Wait()
	})
}

// drip sends a byte now and then, and wants to be sent away within a limit.
func drip(r *round, s *process.Server, what, head string, drip bool, limit time.Duration) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		r.Errorf("%s: %v", what, err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, head)
	if drip {
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-time.After(500 * time.Millisecond):
					io.WriteString(conn, "1")
				case <-stop:
					return
				}
			}
		}()
	}
	conn.SetReadDeadline(time.Now().Add(limit))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		r.Errorf("%s: still connected after %v", what, limit)
	}
}
