package faults_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

// streams opens n streams and returns those that were let in, open, and how
// many were sent away with 429 and Retry-After.
func streams(r *round, s *process.Server, n int, c *http.Client) (open []io.Closer, refused int) {
	r.Helper()
	for range n {
		req, err := http.NewRequest("GET", s.URL+"/stream", nil)
		if err != nil {
			r.Fatal(err)
		}
		if c.Jar != nil {
			for _, cookie := range c.Jar.Cookies(nil) {
				req.AddCookie(cookie)
			}
		}
		by := c.Transport
		if by == nil {
			by = &http.Transport{DisableKeepAlives: true}
		}
		resp, err := by.RoundTrip(req)
		switch {
		case err != nil:
			r.Fatalf("stream %d: %v", len(open)+refused, err)
		case resp.StatusCode == http.StatusOK:
			open = append(open, resp.Body)
			continue
		case resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
			refused++
		default:
			r.Errorf("stream %d was answered %s", len(open)+refused, resp.Status)
		}
		resp.Body.Close()
	}
	return open, refused
}

func closeAll(cs []io.Closer) {
	for _, c := range cs {
		c.Close()
	}
}

func TestTortureStreamsAreCounted(t *testing.T) {
	torture(t, "64 streams by one user, 80 by one address", func(r *round) {
		s := process.Start(r)
		ann := s.Login("ann")
		open, refused := streams(r, s, 64, ann)
		if len(open) != 8 || refused != 56 {
			r.Errorf("of 64 streams by one user %d were let in and %d refused", len(open), refused)
		}
		closeAll(open)
		awaitTrue(r, "ann's streams are given back", func() bool {
			open, _ := streams(r, s, 8, ann)
			defer closeAll(open)
			return len(open) == 8
		})
		awaitTrue(r, "64 by one address, no more", func() bool {
			open, refused := streams(r, s, 80, http.DefaultClient)
			defer closeAll(open)
			return len(open) == 64 && refused == 16
		})
	})
}

func awaitTrue(r *round, what string, ok func() bool) {
	r.Helper()
	if !testenv.Holds(flowsAgain, ok) {
		r.Errorf("not so after %v: %s", flowsAgain, what)
	}
}

func TestTortureFlood(t *testing.T) {
	tortureAlone(t, "flood of posts by one user, 10 times all others'", func(r *round) {
		s := process.Start(r, openTo(redistest.Start(r), "POSTS_PER_SECOND=20", "POST_BURST=40")...)
		l := r.load(plan{}, s.URL)
		r.calm()
		before := s.Memory()
		flooder := r.author("flood", l.bases)
		l.mu.Lock()
		l.authors = append(l.authors, flooder)
		l.mu.Unlock()
		l.calmly = spell{l.began, time.Now()}
		const at = 8 // once
		var wg sync.WaitGroup
		end := time.Now().Add(time.Duration(some(2, 10)) * time.Second)
		for i := range at {
			wg.Go(func() {
				tick := time.NewTicker(at * l.pace / time.Duration(10*l.plan.authors))
				defer tick.Stop()
				for n := 0; time.Now().Before(end); n++ {
					<-tick.C
					l.once(len(l.authors)-1, fmt.Sprintf("flood %d-%d", i, n))
				}
			})
		}
		wg.Wait()
		l.roughly = spell{l.calmly.to, time.Now()}
		grown := s.Memory() - before
		l.remark = fmt.Sprintf("; %d MB more", grown>>20)
		r.calm()
		l.check()
		l.checkOthers()
		for code := range l.codes {
			if code == 0 || code >= 500 {
				r.Errorf("a flood gave %d: %v", code, l.codes)
			}
		}
		if l.codes[429] == 0 || (grown > 96<<20 && !process.Race) {
			r.Errorf("answers %v; %d MB more memory", l.codes, grown>>20)
		}
	})
}

// once says a line without a key, whatever the answer.
func (l *load) once(author int, text string) {
	l.insist(context.Background(), author, l.line(l.rooms[0], text), "")
}

// checkStreams is check, and no stream may have been cut.
func (l *load) checkStreams() {
	l.Helper()
	l.check()
	for i, w := range l.readers {
		if w.conns > 1 {
			l.Errorf("reader %d was cut: it was connected %d times", i, w.conns)
		}
	}
}

// A client of HTTP/2 opens streams and resets them as fast as it can (the
// "rapid reset" of 2023), on one connection.
func TestTortureStreamsAreReset(t *testing.T) {
	torture(t, "5,000 HTTP/2 resets", func(r *round) {
		s := process.Start(r, openTo(redistest.Start(r))...)
		l := r.load(plan{}, s.URL)
		before := s.Memory()
		h2 := &http.Transport{Protocols: new(http.Protocols), MaxConnsPerHost: 1}
		h2.Protocols.SetUnencryptedHTTP2(true)
		defer h2.CloseIdleConnections()
		var answered atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range some(800, 5000) / 8 {
					if rapidReset(r, h2, s.URL+"/stream") {
						answered.Add(1)
					}
				}
			})
		}
		newcomer := time.Now()
		if resp, err := http.Get(s.URL + "/rooms"); err != nil || resp.StatusCode != 200 || time.Since(newcomer) > 4*time.Second {
			r.Errorf("a newcomer was answered %v %v after %v", resp, err, time.Since(newcomer))
		}
		wg.Wait()
		if answered.Load() == 0 {
			r.Error("every request was reset before its answer began")
		}
		if grown := s.Memory() - before; grown > 96<<20 && !process.Race {
			r.Errorf("%d MB more memory", grown>>20)
		}
		l.checkStreams()
	})
}

// rapidReset asks, and resets within a moment. It reports whether there was an
// answer by then.
func rapidReset(r *round, h2 *http.Transport, url string) bool {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(rand.Int64N(int64(20*time.Millisecond))))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		r.Error(err)
		return false
	}
	resp, err := h2.RoundTrip(req)
	if err != nil {
		return false
	}
	if resp.ProtoMajor != 2 {
		r.Errorf("answered by %s", resp.Proto)
	}
	<-ctx.Done()
	resp.Body.Close()
	return true
}
