// Package redistest runs real Redis servers, for tests: one alone, a primary
// with replicas and Sentinels, or a Cluster.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/shared/testenv"

	"github.com/redis/go-redis/v9"
)

// A Server is a running redis-server, or redis-sentinel, whose data and
// address outlive the process.
type Server struct {
	tb   testing.TB
	Addr string
	net  *surroundings // of who has a part in a Sentinel's set or a Cluster
	Dir  string
	env  []string
	args []string
	Cmd  *exec.Cmd
	*redis.Client
}

// New runs a redis-server on a free port.
func New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return NewIn(tb, nil, args...)
}

// NewIn runs it with more variables in its environment.
func NewIn(tb testing.TB, env []string, args ...string) *Server {
	tb.Helper()
	r := prepare(tb, args...)
	r.env = env
	r.open()
	return r
}

// Start runs a redis-server on a free port and returns its URL.
func Start(tb testing.TB, args ...string) string {
	tb.Helper()
	return New(tb, args...).URL()
}

func prepare(tb testing.TB, args ...string) *Server {
	tb.Helper()
	r := &Server{tb: tb, Addr: testenv.FreeAddr(tb), Dir: tb.TempDir()}
	r.args = append([]string{"--port", r.Port(), "--bind", "127.0.0.1", "--save", "", "--dir", r.Dir, "--repl-diskless-sync-delay", "0"}, args...)
	return r
}

// Surroundings are the network between a server and all others: they know it
// by the addresses of proxies, which know them all by hosts of their own.
type surroundings struct {
	host  string // that it speaks from
	front *network.Proxy
	bus   *network.Proxy // of a Cluster's node
}

const clientHost = "127.0.0.1" // that clients speak from

// surround puts them around r, whose number chooses its host.
func (r *Server) surround(number int) {
	r.tb.Helper()
	testenv.NeedLinux(r.tb, "a loopback network with many addresses")
	r.net = &surroundings{host: fmt.Sprint("127.0.0.", 10+number), front: network.StartProxy(r.tb, r.Addr)}
}

// Isolate cuts a server off from all others, and has the clients on its side
// if they are with it; else they reach both. Undo brings the network back.
func (r *Server) Isolate(all []*Server, withClients bool) (undo func()) {
	var others []string
	for _, o := range all {
		if o == r {
			continue
		}
		others = append(others, o.net.host)
		cut := []string{r.net.host}
		if withClients {
			cut = append(cut, clientHost)
		}
		o.net.holdFrom(cut...)
	}
	r.net.holdFrom(others...)
	return func() {
		for _, o := range all {
			o.net.holdFrom()
		}
	}
}

func (s *surroundings) holdFrom(hosts ...string) {
	s.front.HoldFrom(hosts...)
	if s.bus != nil {
		s.bus.HoldFrom(hosts...)
	}
}

// announced is the address under which the others know r.
func (r *Server) announced() string { return r.net.front.Addr }

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// open starts it for the first time.
func (r *Server) open() {
	r.tb.Helper()
	r.Client = redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1})
	r.tb.Cleanup(func() {
		r.Client.Close()
		r.Kill()
	})
	r.Start()
}

func (r *Server) Port() string { return portOf(r.Addr) }

func (r *Server) URL() string { return "redis://" + r.Addr }

func (r *Server) Start() {
	r.tb.Helper()
	r.Cmd = exec.Command(testenv.RedisServer(r.tb), r.args...)
	r.Cmd.Env = append(os.Environ(), r.env...)
	if err := r.Cmd.Start(); err != nil {
		r.tb.Fatal(err)
	}
	r.Await("an answer", func(ctx context.Context) bool {
		return r.Ping(ctx).Err() == nil // LOADING is an error
	})
}

// Await asks until something is so. It takes its time: a sentinel that was not
// run for two seconds does little for thirty ("tilt").
func (r *Server) Await(what string, ok func(context.Context) bool) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !testenv.Holds(time.Minute, func() bool { return ok(ctx) }) {
		r.tb.Fatalf("redis at %s: no %s", r.Addr, what)
	}
}

// Kill ends the process as a power cut would.
func (r *Server) Kill() {
	if r.Cmd != nil && r.Cmd.Process != nil {
		r.Cmd.Process.Kill()
		r.Cmd.Wait()
	}
}

// Pause has it answer nothing, its connections open, until resume.
func (r *Server) Pause()  { r.Cmd.Process.Signal(testenv.Freeze) }
func (r *Server) Resume() { r.Cmd.Process.Signal(testenv.Thaw) }

// Must sends a command that has to succeed.
func (r *Server) Must(args ...any) any {
	r.tb.Helper()
	v, err := r.Do(context.Background(), args...).Result()
	if err != nil {
		r.tb.Fatalf("redis %v: %v", args, err)
	}
	return v
}

func (r *Server) Field(section, field string) string {
	text, _ := r.Info(context.Background(), section).Result()
	_, after, _ := strings.Cut("\n"+text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value
}
