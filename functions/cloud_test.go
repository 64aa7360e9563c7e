package functions_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/shared/testenv"
)

// A redis is a Redis of its own, which forgets nothing when it is killed.
type redis struct {
	tb   testing.TB
	addr string
	dir  string
	cmd  *exec.Cmd
}

func startRedis(tb testing.TB) *redis {
	tb.Helper()
	testenv.Need(tb, "redis-server")
	r := &redis{tb: tb, addr: testenv.FreeAddr(tb), dir: tb.TempDir()}
	r.start()
	tb.Cleanup(r.kill)
	return r
}

func (r *redis) url() string { return "redis://" + r.addr }

func (r *redis) start() {
	_, port, _ := net.SplitHostPort(r.addr)
	r.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := r.cmd.Start(); err != nil {
		r.tb.Fatal(err)
	}
	testenv.Await(r.tb, "redis-server answers", 10*time.Second, func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			return false
		}
		defer c.Close()
		fmt.Fprint(c, "PING\r\n")
		answer, _ := bufio.NewReader(c).ReadString('\n')
		return answer == "+PONG\r\n" // and not that it is still loading
	})
}

func (r *redis) kill() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// A cloud is the three functions behind one kind of front door.
type cloud struct {
	tb                  testing.TB
	door                lambdatest.Door // of login and post
	streams             lambdatest.Door // of stream
	login, post, stream *lambdatest.Function
	turnedAway          atomic.Int64 // requests that no environment may take

	mu   sync.Mutex
	made map[*lambdatest.Function][]*lambdatest.Invocation
}

// The front doors in front of everything that streams, and of everything else.
var fronts = []struct {
	door, streams lambdatest.Door
	transports    string // that GET /login names
}{
	{lambdatest.REST, lambdatest.RESTStream, `["sse","longpoll"]`},
	{lambdatest.URL, lambdatest.URLStream, `["sse","longpoll"]`},
	{lambdatest.HTTP, lambdatest.HTTP, `["longpoll"]`},
}

func newCloud(tb testing.TB, door, streams lambdatest.Door, redis string, env ...string) *cloud {
	tb.Helper()
	env = append([]string{sessionKeys, "REDIS_URL=" + redis}, env...)
	return &cloud{
		tb: tb, door: door, streams: streams,
		login:  lambdatest.New(tb, bootstrap(tb, "login"), 10*time.Second, env...),
		post:   lambdatest.New(tb, bootstrap(tb, "post"), 10*time.Second, env...),
		stream: lambdatest.New(tb, bootstrap(tb, "stream"), time.Minute, env...),
		made:   map[*lambdatest.Function][]*lambdatest.Invocation{},
	}
}

// answers is the function that template.yaml has a request go to.
func answers(r *http.Request) (name string) {
	switch {
	case r.URL.Path == "/login" || r.URL.Path == "/", strings.HasPrefix(r.URL.Path, "/join/"), strings.Contains(r.URL.Path, "/invites"):
		return "login"
	case r.Method == http.MethodGet && r.URL.Path != "/poll" && r.URL.Path != "/rooms" && strings.Count(r.URL.Path, "/") < 3:
		return "stream"
	}
	return "post"
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	f, door := c.post, c.door
	switch answers(r) {
	case "login":
		f = c.login
	case "stream":
		f, door = c.stream, c.streams
	}
	return (&lambdatest.Transport{
		Door: door,
		Pick: func(*http.Request) *lambdatest.Environment {
			e := f.Take()
			if e == nil {
				c.turnedAway.Add(1)
			}
			return e
		},
		Each: func(i *lambdatest.Invocation) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.made[f] = append(c.made[f], i)
		},
	}).RoundTrip(r)
}

// invocations are those of a function so far.
func (c *cloud) invocations(f *lambdatest.Function) []*lambdatest.Invocation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.made[f])
}
