package functions_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"confab/shared/testenv"
)

// Programs that make local calls, as doubles that do what variables say. The
// real ones run in functions/server/e2e/cloud.
var doubles = map[string]string{
	"docker": `echo "docker $*" >>"$CALLS"
case "$*" in
"info -f "*) echo "${ENGINE:-Debian GNU/Linux []}" ;;
*Gateway*) echo "$GATEWAY" ;;
*bridge.name*) echo docker0 ;;
"ps -aq"*) echo "$LEFT" ;;
esac`,
	"ip": `[ -z "$INTERFACE" ] || echo "3: docker0    inet $INTERFACE/16 brd 172.17.255.255 scope global docker0"`,
	"sam": `echo "sam $*" >>"$CALLS"
trap '[ -n "$STUBBORN" ] || exit 143' TERM
echo sam is up
for ((;;)); do sleep 0.1; done`,
	"redis-server": `echo $$ >"$CALLS.redis"
exec "$REDIS_SERVER" "$@"`,
}

// A makeLocal is make local's script beside doubles.
type makeLocal struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   lockedOutput
	calls string
	end   chan error // gets one
}

func startLocal(t *testing.T, env ...string) *makeLocal {
	t.Helper()
	testenv.Need(t, "redis-server")
	server, _ := exec.LookPath("redis-server")
	bin := t.TempDir()
	for name, script := range doubles {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l := &makeLocal{t: t, calls: filepath.Join(bin, "calls"), end: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l.cmd = exec.CommandContext(ctx, "server/deploy/local")
	l.cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "CALLS="+l.calls, "REDIS_SERVER="+server, "REDIS_URL=")
	l.cmd.Env = append(l.cmd.Env, env...)
	l.cmd.Stdout, l.cmd.Stderr = &l.out, &l.out
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l.cmd.Cancel = func() error { return syscall.Kill(-l.cmd.Process.Pid, syscall.SIGINT) }
	l.cmd.WaitDelay = 20 * time.Second
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { l.end <- l.cmd.Wait() }()
	t.Cleanup(func() {
		stop()
		l.over()
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL) // what a failure left
	})
	return l
}

// over waits for the end.
func (l *makeLocal) over() error {
	l.t.Helper()
	select {
	case err := <-l.end:
		l.end <- err
		return err
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL)
		l.t.Errorf("it does not end, and says %s", l.out.String())
		return nil
	}
}

func (l *makeLocal) called() string {
	b, _ := os.ReadFile(l.calls)
	return string(b)
}

func (l *makeLocal) await(what string) {
	l.t.Helper()
	testenv.Await(l.t, what, 20*time.Second, func() bool { return strings.Contains(l.out.String()+l.called(), what) })
}

// What make local cannot do it says, and what to do about it.
func TestLocalSaysWhatIsMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want []string
	}{
		"a bridge without an address": {[]string{"GATEWAY=", "INTERFACE="}, []string{"network bridge has no address", "make local REDIS_URL=redis://host:6379"}},
		"a rootless engine":           {[]string{"ENGINE=Debian [name=rootless]"}, []string{"rootless Docker does not let containers reach this machine", "make local REDIS_URL="}},
		"a Redis that refuses containers": {[]string{"GATEWAY=" + refusal(t)}, []string{
			"the Redis at 127.0.0.3:6379 refuses containers: DENIED Redis is running in protected mode", "Stop it", "REDIS_URL=redis://:password@127.0.0.3:6379"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLocal(t, tt.env...)
			if err := l.over(); err == nil {
				t.Errorf("it goes on")
			}
			for _, want := range tt.want {
				if !strings.Contains(l.out.String(), want) {
					t.Errorf("it says %s, want %q", l.out.String(), want)
				}
			}
			if strings.Contains(l.called(), "sam ") {
				t.Error("it starts SAM")
			}
		})
	}
}

// refusal is a Redis in protected mode, which answers so to everybody who is not here.
func refusal(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.3:6379")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "-DENIED Redis is running in protected mode because protected mode is enabled.\r\n")
			conn.Close()
		}
	}()
	return "127.0.0.3"
}

// A bridge of an engine that was never restarted has no gateway; its interface
// has the address.
func TestLocalFindsTheBridgeOfAFreshEngine(t *testing.T) {
	l := startLocal(t, "GATEWAY=", "INTERFACE=127.0.0.4")
	l.await("sam is up")
	if !strings.Contains(l.called(), "RedisUrl=redis://127.0.0.4:6379") || !strings.Contains(l.called(), "--warm-containers EAGER") {
		t.Errorf("it calls\n%s", l.called())
	}
}

func TestLocalTakesAnotherRedis(t *testing.T) {
	l := startLocal(t, "GATEWAY=", "INTERFACE=", "REDIS_URL=rediss://cache.example:6379")
	l.await("sam is up")
	if !strings.Contains(l.called(), "RedisUrl=rediss://cache.example:6379") {
		t.Errorf("it calls\n%s", l.called())
	}
}

// Without its Redis nothing works any more: it ends, and says why.
func TestLocalEndsWithItsRedis(t *testing.T) {
	l := startLocal(t, "GATEWAY=127.0.0.5")
	l.await("sam is up")
	pid, err := os.ReadFile(l.calls + ".redis")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-KILL", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := l.over(); err == nil || !strings.Contains(l.out.String(), "its Redis has ended") {
		t.Errorf("it ends with %v and says %s", err, l.out.String())
	}
}

// An end leaves nothing behind, though SAM misses a signal and forgets containers.
func TestLocalLeavesNothingBehind(t *testing.T) {
	l := startLocal(t, "GATEWAY=127.0.0.6", "LEFT=4f2a", "STUBBORN=1")
	l.await("sam is up")
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil { // itself alone: what it started it has to end
		t.Fatal(err)
	}
	_ = l.over()
	if !strings.Contains(l.called(), "docker rm -f 4f2a") {
		t.Errorf("a container is left:\n%s", l.called())
	}
	if conn, err := net.Dial("tcp", "127.0.0.6:6379"); err == nil {
		conn.Close()
		t.Error("a Redis is left")
	}
	testenv.Await(t, "all its processes have ended", 5*time.Second, func() bool {
		return exec.Command("pgrep", "-g", strconv.Itoa(l.cmd.Process.Pid)).Run() != nil
	})
}

type lockedOutput struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *lockedOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *lockedOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
