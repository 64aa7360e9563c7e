package redis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"

	goredis "github.com/redis/go-redis/v9"
)

// A server is a Redis process of our own, on a free loopback port.
type server struct {
	tb   testing.TB
	name string
	args []string
	dir  string
	port string
	cmd  *exec.Cmd
	rdb  *goredis.Client
}

// startRedis starts redis-server, or another program of its kind, and waits
// until it answers. It dies with the test.
func startRedis(tb testing.TB, args ...string) *server {
	tb.Helper()
	return startAs(tb, testenv.RedisServer(tb), append([]string{"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)...)
}

func startAs(tb testing.TB, name string, args ...string) *server {
	tb.Helper()
	testenv.Need(tb, name)
	s := &server{tb: tb, name: name, dir: tb.TempDir(), port: freePort(tb), args: args}
	s.rdb = goredis.NewClient(&goredis.Options{Addr: s.addr(), MaxRetries: -1, DialerRetries: 1, ReadTimeout: 5 * time.Second})
	tb.Cleanup(func() {
		s.rdb.Close()
		s.kill()
	})
	s.start()
	return s
}

func freePort(tb testing.TB) string {
	tb.Helper()
	_, port, _ := net.SplitHostPort(testenv.FreeAddr(tb))
	return port
}

func (s *server) addr() string { return "127.0.0.1:" + s.port }
func (s *server) url() string  { return "redis://" + s.addr() }

func (s *server) start() {
	s.tb.Helper()
	args := append([]string{}, s.args...)
	args = append(args, "--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no")
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer out.Close()
	s.cmd = exec.Command(s.name, args...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	testenv.EndsWithTest(s.cmd)
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	eventually(s.tb, patience, s.name+" answers", func() error { return s.rdb.Ping(context.Background()).Err() })
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) signal(sig os.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// do sends a command that must succeed.
func (s *server) do(args ...any) any {
	s.tb.Helper()
	return must(s.rdb.Do(context.Background(), args...).Result())(s.tb)
}

// info is one field of INFO.
func (s *server) info(field string) string {
	text, _ := s.rdb.Info(context.Background()).Result()
	_, after, _ := strings.Cut(text, field+":")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}
