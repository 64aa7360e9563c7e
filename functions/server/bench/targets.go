//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The server side has one core, the load the other.
const (
	serverCore = "0"
	loadCore   = "1"
)

// A bench holds what all workloads share.
type bench struct {
	ctx     context.Context
	server  string
	runs    int
	seconds float64
}

// A starter starts a server side and says how to talk to it.
type starter interface {
	name() string
	start() (target, error)
}

// A target is a running server side.
type target struct {
	addr  string
	redis string
	pids  []int
	stop  func()
	full  bool // it knows logins, rooms and resuming
	tls   bool // it speaks HTTPS
}

// own is the floor or the naive server, a mode of this binary.
type own struct {
	b    *bench
	mode string
}

func (o own) name() string { return o.mode }

func (o own) start() (target, error) {
	self, err := os.Executable()
	if err != nil {
		return target{}, err
	}
	addr, err := freeAddr()
	if err != nil {
		return target{}, err
	}
	cmd, err := pinned(o.b.ctx, serverCore, nil, self, o.mode, addr)
	if err != nil {
		return target{}, err
	}
	return target{addr: addr, pids: []int{cmd.Process.Pid}, stop: func() { end(cmd) }}, awaitListener(addr)
}

// confab is the server under test on a Redis of its own.
type confab struct {
	b         *bench
	redisAway bool // Redis on the load's core
}

func (confab) name() string { return "confab" }

// builtIn is the server under test with its own store.
type builtIn struct{ b *bench }

func (builtIn) name() string { return "confab, built-in store" }

func (c builtIn) start() (target, error) { return c.b.serve(target{full: true}) }

func (c confab) start() (target, error) {
	addr, err := freeAddr()
	if err != nil {
		return target{}, err
	}
	_, port, _ := net.SplitHostPort(addr)
	core := serverCore
	if c.redisAway {
		core = loadCore
	}
	redis, err := pinned(c.b.ctx, core, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	if err != nil {
		return target{}, err
	}
	s := target{full: true, redis: addr, stop: func() { end(redis) }}
	if err := awaitListener(addr); err != nil {
		return s, err
	}
	if !c.redisAway {
		s.pids = append(s.pids, redis.Process.Pid)
	}
	return c.b.serve(s, "REDIS_URL=redis://"+addr)
}

// serve starts the server beside what a target has by now.
func (b *bench) serve(s target, env ...string) (target, error) {
	dir, err := os.MkdirTemp(filepath.Dir(b.server), "bench") // many systems keep their temporary files in memory
	if err != nil {
		return s, err
	}
	beside := s.stop
	s.stop = func() {
		if beside != nil {
			beside()
		}
		os.RemoveAll(dir)
	}
	srv := exec.CommandContext(b.ctx, "taskset", "-c", serverCore, b.server)
	srv.Env = append(append(os.Environ(), env...), "DATA_DIR="+dir, "ADDR=127.0.0.1:0", "POSTS_PER_SECOND=0", "POSTS_PER_DAY=1000000000", "ROOMS_PER_DAY=0", "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0")
	out, err := srv.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := srv.Start(); err != nil {
		return s, err
	}
	s.stop = func() {
		end(srv)
		if beside != nil {
			beside()
		}
		os.RemoveAll(dir)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, s.addr, _ = strings.Cut(strings.TrimSpace(line), "://")
	s.pids = append(s.pids, srv.Process.Pid)
	return s, err
}

// once measures one target under one load, which runs as a process of its own
// on the other core.
func (b *bench) once(st starter, l load) (result, error) {
	s, err := st.start()
	if s.stop != nil {
		defer s.stop()
	}
	if err != nil {
		return result{}, err
	}
	l.Addr, l.Redis, l.Pids, l.Full, l.TLS = s.addr, s.redis, s.pids, s.full, s.tls
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(b.ctx, "taskset", "-c", loadCore, self, "load", l.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("load: %w", err)
	}
	var r result
	return r, json.Unmarshal(out, &r)
}

func pinned(ctx context.Context, core string, env []string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", core}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd, cmd.Start()
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func awaitListener(addr string) error {
	for range 500 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("nothing listens at %s", addr)
}

// usage is what the kernel says of some processes: the CPU of all in seconds,
// the memory of the first in bytes (proportional set size). The memory of Redis
// is left out, because it holds the log, which grows.
type usage struct{ cpu, memory float64 }

func measure(pids []int) (u usage) {
	const tick = 100 // USER_HZ
	for _, pid := range pids {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); len(f) > 12 {
			user, _ := strconv.ParseFloat(f[11], 64)
			sys, _ := strconv.ParseFloat(f[12], 64)
			u.cpu += (user + sys) / tick
		}
	}
	rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pids[0]))
	for line := range strings.Lines(string(rollup)) {
		if f := strings.Fields(line); f[0] == "Pss:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			u.memory = kb * 1024
		}
	}
	return u
}
