package faults_test

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"

	"golang.org/x/sys/unix"
)

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
		s := process.Start(r, openTo(redistest.Start(r))...)
		l := r.load(plan{}, s.URL)
		r.calm()
		lift := limit(r, s.Cmd, unix.RLIMIT_NOFILE, s.Descriptors()+4)
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
		redis := redistest.New(r)
		s := process.Start(r, openTo(redis.URL())...)
		l := r.load(plan{}, s.URL)
		r.calm()
		redis.Must("config", "set", "maxmemory", 1)
		r.calm()
		redis.Must("config", "set", "maxmemory", 0)
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
func fullDisk(t *testing.T, name string, begin func(*round) (s *process.Server, writer *exec.Cmd)) {
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
	fullDisk(t, "disk of the built-in store full", func(r *round) (*process.Server, *exec.Cmd) {
		s := process.Start(r, openTo("")...)
		return s, s.Cmd
	})
}

func TestTortureDiskOfRedisIsFull(t *testing.T) {
	fullDisk(t, "disk of Redis full, AOF everysec", func(r *round) (*process.Server, *exec.Cmd) {
		redis := redistest.New(r, "--appendonly", "yes", "--appendfsync", "everysec")
		return process.Start(r, openTo(redis.URL())...), redis.Cmd
	})
}
