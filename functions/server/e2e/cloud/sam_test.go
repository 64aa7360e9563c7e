//go:build cloud

package cloud_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

const (
	samPort = "3000"
	lines   = 30
)

// A running program of which the log is kept.
type running struct {
	tb   testing.TB
	cmd  *exec.Cmd
	stop context.CancelFunc
	log  testenv.Output
	end  chan error // gets one
}

// start runs a program until the test ends, or stop is called: that is Ctrl-C.
func start(tb testing.TB, env []string, name string, args ...string) *running {
	tb.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	r := &running{tb: tb, stop: stop, cmd: command(ctx, env, name, args...), end: make(chan error, 1)}
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { r.end <- r.cmd.Wait() }()
	tb.Cleanup(func() {
		r.quit()
		if tb.Failed() {
			tb.Logf("%s says:\n%s", name, r.log.String())
		}
	})
	return r
}

// quit presses Ctrl-C and waits for the end.
func (r *running) quit() {
	r.stop()
	err := <-r.end
	r.end <- err
}

// await asks for the login until it is answered.
func (r *running) await(base string) {
	r.tb.Helper()
	c := &http.Client{Timeout: 30 * time.Second}
	testenv.Await(r.tb, "something answers at /login", time.Minute, func() bool {
		r.tb.Helper()
		select {
		case err := <-r.end:
			r.end <- err
			r.tb.Fatalf("it has ended: %v", err)
		default:
		}
		req, _ := http.NewRequestWithContext(r.tb.Context(), http.MethodGet, base+"/login", nil)
		req.Header.Set("Accept", "application/json")
		res, err := c.Do(req)
		if err != nil {
			return false
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(body), `"transports":["longpoll"]`) {
			r.tb.Fatalf("GET /login: %s %s", res.Status, body)
		}
		return true
	})
}

// A line is said on one screen and seen on two, in one order, by each of the
// three ways in which somebody runs the functions at home.
func TestChatUnderSAMLocal(t *testing.T) {
	gateway, err := exec.Command("docker", "-H", docker.socket(), "network", "inspect", "bridge", "-f", "{{range .IPAM.Config}}{{.Gateway}}{{end}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the bridge of this engine, which has never run before, has the gateway %q in inspect", strings.TrimSpace(string(gateway)))
	architecture := "Architecture=x86_64"
	for _, way := range []struct {
		name  string
		build []string
		run   []string
		redis bool // the way brings its own
	}{
		{"make local", nil, []string{"make", "local"}, true},
		{"make functions", []string{"make", "functions"}, []string{"sam", "local", "start-api", "--parameter-overrides", architecture}, false},
		{"sam build", []string{"sam", "build"}, []string{"sam", "local", "start-api", "--parameter-overrides", architecture}, false},
	} {
		t.Run(strings.ReplaceAll(way.name, " ", "-"), func(t *testing.T) {
			if way.build != nil {
				output(t, nil, way.build[0], way.build[1:]...)
			}
			t.Cleanup(func() { os.RemoveAll(repository + "/.aws-sam") }) // sam local takes it before build/
			if !way.redis {
				start(t, nil, "redis-server", "--bind", "172.17.0.1", "--protected-mode", "no", "--save", "")
			}
			sam := start(t, nil, way.run[0], way.run[1:]...)
			base := "http://" + docker.forward(t, samPort)
			sam.await(base)
			took := talk(t, base, lines)
			t.Logf("%d lines on two screens in %s", lines, took.Round(100*time.Millisecond))
			sam.quit()
			if way.redis {
				nothingIsLeft(t)
			}
		})
	}
}

// nothingIsLeft holds Ctrl-C to its word: no container, no Redis.
func nothingIsLeft(t *testing.T) {
	t.Helper()
	if left := output(t, nil, "docker", "ps", "-a"); strings.Count(left, "\n") > 1 {
		t.Errorf("containers are left:\n%s", left)
	}
	if conn, err := docker.dial("172.17.0.1:6379"); err == nil {
		conn.Close()
		t.Error("a Redis is left")
	}
}
