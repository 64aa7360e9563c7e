package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/testenv"

	"golang.org/x/sys/unix"
)

func TestTortureSlowReadersLagAlone(t *testing.T) {
	tortureAlone(t, "readers that stop reading", func(r *round) {
		const (
			fills  = 60               // long lines that no socket holds
			within = 14 * time.Second // 10, and what a busy machine needs to see it
			each   = 64 << 10
			ring   = 1 << 20 // which all share
		)
		s, figure := startMeasured(r, openTo(startRedis(r))...)
		n := some(60, 1000)
		l := r.load(plan{rooms: 1, readers: n, slow: n / 20, pace: 100 * time.Millisecond}, s.URL)
		slow := l.readers[:l.slow]
		cuts := func() int {
			return int(figure(`confab_cuts_total{reason="stalled"}`) + figure(`confab_cuts_total{reason="lagged"}`))
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
		for cuts() < l.slow && time.Since(full) < 2*within {
			time.Sleep(50 * time.Millisecond)
		}
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
		s := start(r)
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
				wg.Go(func() { s.drip(r, c.what, c.head, c.drip, c.limit) })
			}
		}
		for range 10 {
			began := time.Now()
			if resp, err := http.Get(s.URL + "/rooms"); err != nil || resp.StatusCode != 200 || time.Since(began) > 4*time.Second {
				r.Errorf("a newcomer was answered %v %v after %v", resp, err, time.Since(began))
			} else {
				resp.Body.Close()
			}
			time.Sleep(200 * time.Millisecond)
		}
		wg.Wait()
	})
}

// drip sends a byte now and then, and wants to be sent away within a limit.
func (s *server) drip(r *round, what, head string, drip bool, limit time.Duration) {
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

// streams opens n streams and returns those that were let in, open, and how
// many were sent away with 429 and Retry-After.
func (s *server) streams(r *round, n int, c *http.Client) (open []io.Closer, refused int) {
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
		s := start(r)
		ann := s.login("ann")
		open, refused := s.streams(r, 64, ann)
		if len(open) != 8 || refused != 56 {
			r.Errorf("of 64 streams by one user %d were let in and %d refused", len(open), refused)
		}
		closeAll(open)
		awaitTrue(r, "ann's streams are given back", func() bool {
			open, _ := s.streams(r, 8, ann)
			defer closeAll(open)
			return len(open) == 8
		})
		awaitTrue(r, "64 by one address, no more", func() bool {
			open, refused := s.streams(r, 80, http.DefaultClient)
			defer closeAll(open)
			return len(open) == 64 && refused == 16
		})
	})
}

func awaitTrue(r *round, what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(flowsAgain); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.Errorf("not so after %v: %s", flowsAgain, what)
}

func TestTortureFlood(t *testing.T) {
	tortureAlone(t, "flood of posts by one user, 10 times all others'", func(r *round) {
		s := start(r, openTo(startRedis(r), "POSTS_PER_SECOND=20", "POST_BURST=40")...)
		l := r.load(plan{}, s.URL)
		r.calm()
		before := s.memory()
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
		grown := s.memory() - before
		l.remark = fmt.Sprintf("; %d MB more", grown>>20)
		r.calm()
		l.check()
		l.checkOthers()
		for code := range l.codes {
			if code == 0 || code >= 500 {
				r.Errorf("a flood gave %d: %v", code, l.codes)
			}
		}
		if l.codes[429] == 0 || (grown > 96<<20 && !raceEnabled) {
			r.Errorf("answers %v; %d MB more memory", l.codes, grown>>20)
		}
	})
}

// once says a line without a key, whatever the answer.
func (l *load) once(author int, text string) {
	l.insist(context.Background(), author, l.line(l.rooms[0], text), "")
}

// startMeasured runs a server that tells its metrics. Figure is the sum of
// those that begin with a name; "heap" is what is in use, in bytes.
func startMeasured(r *round, env ...string) (s *server, figure func(name string) float64) {
	r.Helper()
	addr := testenv.FreeAddr(r)
	s = start(r, append(env, "METRICS_ADDR="+addr)...)
	get := func(path string) string {
		r.Helper()
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			r.Fatalf("%v: %s", err, s.log)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			r.Fatal(err)
		}
		return string(body)
	}
	return s, func(name string) (sum float64) {
		r.Helper()
		if name == "heap" {
			get("/debug/pprof/heap?gc=1")
			get("/debug/pprof/heap?gc=1") // what pools hold goes by the second
			name = "go_memstats_heap_alloc_bytes"
		}
		for line := range strings.Lines(get("/metrics")) {
			if strings.HasPrefix(line, name) {
				n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
				if err != nil {
					r.Fatal(err)
				}
				sum += n
			}
		}
		return sum
	}
}

// memory is what the process holds, in bytes.
func (s *server) memory() int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	f := strings.Fields(string(b))
	if len(f) < 2 {
		s.tb.Fatalf("the server is gone: %s", s.log)
	}
	pages, _ := strconv.Atoi(f[1])
	return pages * os.Getpagesize()
}

// descriptors is how many the process has.
func (s *server) descriptors() int {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.tb.Fatalf("the server is gone: %v %s", err, s.log)
	}
	return len(fds)
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

// limit has a running process live with less of something, until it is lifted.
func limit(tb testing.TB, cmd *exec.Cmd, what, to int) (lift func()) {
	tb.Helper()
	var old unix.Rlimit
	set := func(limit, was *unix.Rlimit) {
		tb.Helper()
		if err := unix.Prlimit(cmd.Process.Pid, what, limit, was); err != nil {
			tb.Fatal(err)
		}
	}
	set(nil, &old)
	set(&unix.Rlimit{Cur: uint64(to), Max: old.Max}, nil)
	return func() { set(&old, nil) }
}

func TestTortureDescriptorsRunOut(t *testing.T) {
	torture(t, "descriptors exhausted", func(r *round) {
		s := start(r, openTo(startRedis(r))...)
		l := r.load(plan{}, s.URL)
		r.calm()
		lift := limit(r, s.cmd, unix.RLIMIT_NOFILE, s.descriptors()+4)
		var conns []io.Closer
		for range 60 {
			if c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second); err == nil {
				conns = append(conns, c)
			}
		}
		r.calm()
		closeAll(conns)
		l.heal()
		awaitTrue(r, "a newcomer is served", func() bool {
			resp, err := (&http.Client{Timeout: 2 * time.Second}).Get(s.URL + "/healthz")
			if err == nil {
				resp.Body.Close()
			}
			return err == nil
		})
		lift()
		r.calm()
		l.checkStreams()
	})
}

func TestTortureRedisIsFull(t *testing.T) {
	torture(t, "Redis out of memory", func(r *round) {
		redis := newRedis(r)
		s := start(r, openTo(redis.URL())...)
		l := r.load(plan{}, s.URL)
		r.calm()
		redis.must("config", "set", "maxmemory", 1)
		r.calm()
		redis.must("config", "set", "maxmemory", 0)
		l.heal()
		r.calm()
		l.checkStreams()
		if l.codes[503] == 0 {
			r.Errorf("no post was answered 503: %v", l.codes)
		}
	})
}

// fullDisk runs a load on a process that may make no file longer than this. It
// is refused as on a full disk, half a write done, but by EFBIG: a small disk
// is not to be had everywhere.
func fullDisk(t *testing.T, name string, begin func(*round) (s *server, writer *exec.Cmd)) {
	signal.Ignore(unix.SIGXFSZ) // which would end Redis; children inherit it
	torture(t, name, func(r *round) {
		s, writer := begin(r)
		makeRoom := limit(r, writer, unix.RLIMIT_FSIZE, 64<<10)
		l := r.load(plan{pace: 20 * time.Millisecond, fill: 300}, s.URL)
		awaitTrue(r, "the disk is full and posts are answered 503", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.codes[503] > 0
		})
		r.calm()
		makeRoom()
		l.heal()
		r.calm()
		l.checkStreams()
	})
}

func TestTortureDiskOfServerIsFull(t *testing.T) {
	fullDisk(t, "disk of the built-in Redis full", func(r *round) (*server, *exec.Cmd) {
		s := start(r, openTo("")...)
		return s, s.cmd
	})
}

func TestTortureDiskOfRedisIsFull(t *testing.T) {
	fullDisk(t, "disk of Redis full, AOF everysec", func(r *round) (*server, *exec.Cmd) {
		redis := newRedis(r, "--appendonly", "yes", "--appendfsync", "everysec")
		return start(r, openTo(redis.URL())...), redis.cmd
	})
}

// Half of them cost the server a goroutine: those by HTTP/2.
func TestTortureStreamsComeAndGo(t *testing.T) {
	torture(t, "1,200 streams opened and closed", func(r *round) {
		s, figure := startMeasured(r, openTo("")...)
		n := some(300, 1200)
		h2 := &http.Transport{Protocols: new(http.Protocols)}
		h2.Protocols.SetUnencryptedHTTP2(true)
		defer h2.CloseIdleConnections()
		comeAndGo := func() tally {
			for done := 0; done < n; done += 100 {
				plain, _ := s.streams(r, 50, http.DefaultClient)
				multiplexed, _ := s.streams(r, 50, &http.Client{Transport: h2})
				if open := figure("confab_listeners"); open != 100 {
					r.Errorf("%v streams are open, not 100", open)
				}
				closeAll(plain)
				closeAll(multiplexed)
				awaitTrue(r, "all streams are let go of", func() bool { return figure("confab_listeners") == 0 })
			}
			return tally{int(figure("heap")), int(figure("go_goroutines")), s.descriptors()}
		}
		first := comeAndGo()
		last := comeAndGo()
		leaks := func() bool {
			return last.heap > first.heap+n*4<<10 || last.goroutines > first.goroutines+10 || last.descriptors > first.descriptors+3
		}
		for tries := 0; leaks() && tries < 50; tries++ { // the last handlers return a moment later
			time.Sleep(20 * time.Millisecond)
			last = tally{min(last.heap, int(figure("heap"))), min(last.goroutines, int(figure("go_goroutines"))), min(last.descriptors, s.descriptors())}
		}
		left := max(0, last.heap-first.heap)
		r.Logf("%d streams left %d bytes each: %v, then %v", n, left/n, first, last)
		if leaks() {
			r.Errorf("%d streams left %d KiB: %v, then %v", n, left>>10, first, last)
		}
	})
}

// The soak lasts as long as make torture was given minutes, beside the other
// scenarios: readers come and go all the time, and what the server holds at
// the end is what it held when a tenth had passed.
func TestTortureSoak(t *testing.T) {
	torture(t, "soak, readers come and go every 2 s", func(r *round) {
		s, figure := startMeasured(r, openTo(startRedis(r))...)
		l := r.load(plan{readers: some(20, 100), cut: 2 * time.Second, pace: 400 * time.Millisecond}, s.URL)
		tenth := max(time.Second/2, time.Duration(*tortureMinutes*float64(time.Minute))/time.Duration(10**tortureRounds))
		time.Sleep(tenth)
		first := s.tally(figure)
		last := first
		for i := range 9 {
			time.Sleep(tenth)
			last = s.tally(figure)
			r.Logf("%v of %v: %v", time.Duration(i+2)*tenth, 10*tenth, last)
		}
		l.remark = fmt.Sprintf("; %v, then %v", first, last)
		l.check()
		if last.heap > first.heap+4<<20 || last.goroutines > first.goroutines+10 || last.descriptors > first.descriptors+10 {
			r.Errorf("the server held %v, and in the end %v", first, last)
		}
	})
}

// A tally is what a process holds.
type tally struct{ heap, goroutines, descriptors int }

func (t tally) String() string {
	return fmt.Sprintf("heap %d KiB, %d goroutines, %d descriptors", t.heap>>10, t.goroutines, t.descriptors)
}

// tally is the least of several, since readers come and go meanwhile.
func (s *server) tally(figure func(string) float64) tally {
	least := tally{math.MaxInt, math.MaxInt, math.MaxInt}
	for range 10 {
		least.heap = min(least.heap, int(figure("heap")))
		least.goroutines = min(least.goroutines, int(figure("go_goroutines")))
		least.descriptors = min(least.descriptors, s.descriptors())
		time.Sleep(20 * time.Millisecond)
	}
	return least
}

// A line that is said again under its key after the jump is one line.
func TestTortureClockOfRedisJumps(t *testing.T) {
	torture(t, "clock of Redis back and forth by 1 h", func(r *round) {
		c := newClock(r)
		redis := newRedisIn(r, c.env())
		s := start(r, openTo(redis.URL())...)
		l := r.load(plan{}, s.URL)
		for i, by := range []time.Duration{-time.Hour, 0, time.Hour, -time.Hour} {
			r.calm()
			said := l.line(l.rooms[0], fmt.Sprint("before jump ", i))
			key := fmt.Sprint("jump-", i)
			l.insist(r.Context(), 0, said, key)
			c.set(r, by)
			at, err := redis.Time(r.Context()).Result()
			if off := time.Until(at.Add(-by)).Abs(); err != nil || off > time.Minute {
				r.Fatalf("Redis says %v %v, by %v wrong", at, err, by)
			}
			l.insist(r.Context(), 0, said, key)
			l.heal()
		}
		r.calm()
		l.check()
	})
}

// A client of HTTP/2 opens streams and resets them as fast as it can (the
// "rapid reset" of 2023), on one connection.
func TestTortureStreamsAreReset(t *testing.T) {
	torture(t, "5,000 HTTP/2 resets", func(r *round) {
		s := start(r, openTo(startRedis(r))...)
		l := r.load(plan{}, s.URL)
		before := s.memory()
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
		if grown := s.memory() - before; grown > 96<<20 && !raceEnabled {
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
