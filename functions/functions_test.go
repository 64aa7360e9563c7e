package functions_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/shared/sse"
	"confab/shared/testenv"
)

const sessionKeys = "SESSION_KEYS=0123456789abcdef0123456789abcdef"

var built struct {
	sync.Mutex
	dir string
}

func TestMain(m *testing.M) {
	testenv.Parallel(4) // most of them wait for something
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// bootstrap builds a function once, as sam build does, or the server.
func bootstrap(tb testing.TB, name string) string {
	tb.Helper()
	built.Lock()
	defer built.Unlock()
	if built.dir == "" {
		var err error
		if built.dir, err = os.MkdirTemp("", "functions"); err != nil {
			tb.Fatal(err)
		}
	}
	file := filepath.Join(built.dir, name, "bootstrap")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if name != "server" {
		target := "build-" + strings.ToUpper(name[:1]) + name[1:] + "Function"
		cmd = exec.Command("make", "-C", "..", target, "ARTIFACTS_DIR="+filepath.Dir(file), "ARCH="+runtime.GOARCH)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return file
}

func TestChatThroughEveryFrontDoor(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "STREAM_SECONDS=30")
			ann := newBrowser(t, c, "https://chat").come("ann")
			res, body := ann.do("GET", "/login", "", "", "Accept", jason)
			if res.StatusCode != 200 || !strings.Contains(body, `"name":"ann"`) || !strings.Contains(body, `"transports":`+front.transports) {
				t.Fatalf("who am I: %d %s", res.StatusCode, body)
			}
			if front.streams == lambdatest.HTTP {
				chatInTurns(t, ann, newBrowser(t, c, "https://chat"))
			} else {
				chatLive(t, c, ann, newBrowser(t, c, "https://chat"))
			}
			if res, body = ann.do("DELETE", "/login", "", ""); res.StatusCode != http.StatusNoContent {
				t.Errorf("sign out: %d %s", res.StatusCode, body)
			}
			if res, body := ann.do("POST", "/r/lobby", jason, `{"text":"still here?"}`); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("post without a name: %d %s", res.StatusCode, body)
			}
		})
	}
}

// chatLive holds two streams at once, each in an environment of its own.
func chatLive(t *testing.T, c *cloud, ann, guest *browser) {
	one := ann.listen(t.Context(), "/stream?room=lobby", "")
	two := guest.listen(t.Context(), "/r/lobby", "")
	for _, listener := range []<-chan block{one, two} {
		if first := <-listener; first.retry == 0 && first.ID == "" {
			t.Fatalf("a stream begins with %+v", first)
		}
	}
	id := ann.say("lobby", "hello, world")
	if res, body := ann.do("POST", "/post", form, url.Values{"message": {"by form"}, "room": {"lobby"}}.Encode()); res.StatusCode != http.StatusNoContent {
		t.Fatalf("post by form: %d %s", res.StatusCode, body)
	}
	for _, listener := range []<-chan block{one, two} {
		if ev, _ := hear(t, listener); ev.ID != id || ev.Text != "hello, world" || ev.By.Name != "ann" {
			t.Errorf("heard %+v, want %s", ev, id)
		}
		if ev, _ := hear(t, listener); ev.Text != "by form" {
			t.Errorf("heard %+v", ev)
		}
	}
	for _, i := range c.invocations(c.stream) {
		select {
		case <-i.Over():
			t.Error("a stream is over: it was not live")
		default:
		}
	}
}

// chatInTurns listens to streams that each end with what is new.
func chatInTurns(t *testing.T, ann, guest *browser) {
	cursor := ""
	turn := func() (heard []string) {
		for b := range guest.listen(t.Context(), "/stream?room=lobby", cursor) {
			if b.ID != "" {
				cursor = b.ID
			}
			if b.Type == sse.Message {
				heard = append(heard, b.event(t).Text)
			}
			if b.retry != 250*time.Millisecond {
				t.Errorf("retry after %s", b.retry)
			}
		}
		return heard
	}
	ann.say("lobby", "before")
	if heard := turn(); len(heard) > 0 || cursor == "" { // at once, so that a page sees that the server answers
		t.Fatalf("the first turn brought %q and the cursor %q", heard, cursor)
	}
	quiet := make(chan []string)
	go func() { quiet <- turn() }() // waits for the first line from now on
	late := time.AfterFunc(2*time.Second, func() { ann.say("lobby", "one") })
	defer late.Stop()
	if heard := <-quiet; !slices.Equal(heard, []string{"one"}) {
		t.Errorf("turn that waited: %q", heard)
	}
	ann.say("lobby", "two")
	ann.say("lobby", "three")
	heard := turn()
	if len(heard) == 1 { // one of them had been published before the other
		heard = append(heard, turn()...)
	}
	if !slices.Equal(heard, []string{"two", "three"}) {
		t.Errorf("last turn: %q", heard)
	}
}

func TestWrongConfigurationStopsTheStartWithOneSentence(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		says []string
	}{
		"no key":        {[]string{"REDIS_URL=redis://127.0.0.1:1"}, []string{"SESSION_KEYS"}},
		"short key":     {[]string{"REDIS_URL=redis://127.0.0.1:1", "SESSION_KEYS=short"}, []string{"SESSION_KEYS"}},
		"no Redis":      {[]string{sessionKeys}, []string{"REDIS_URL"}},
		"not an URL":    {[]string{sessionKeys, "REDIS_URL=:secret@cache"}, []string{"REDIS_URL"}},
		"Redis is away": {[]string{sessionKeys, "REDIS_URL=redis://:secret@127.0.0.1:1"}, []string{"REDIS_URL", "127.0.0.1:1"}},
		"not a number":  {[]string{sessionKeys, "REDIS_URL=redis://127.0.0.1:1", "STREAM_SECONDS=soon"}, []string{"STREAM_SECONDS", "soon"}},
	} {
		for _, function := range []string{"login", "post", "stream"} {
			t.Run(name+"/"+function, func(t *testing.T) {
				t.Parallel()
				e := lambdatest.Start(t, bootstrap(t, function), tt.env...)
				select {
				case <-e.Exited():
				case <-e.Ready():
					t.Fatal("it started")
				case <-time.After(10 * time.Second):
					t.Fatal("it neither started nor ended")
				}
				out := strings.TrimSpace(e.Output())
				if strings.Contains(out, "\n") || strings.Contains(out, "secret") {
					t.Errorf("it said more than one sentence: %s", out)
				}
				for _, want := range tt.says {
					if !strings.Contains(out, want) {
						t.Errorf("%q is not in: %s", want, out)
					}
				}
			})
		}
	}
}

// Behind CloudFront all requests come from its addresses.
func TestLimitsAreOfWhoIsBehindTheEdge(t *testing.T) {
	const secret = "a secret that only CloudFront and the functions know"
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "PROXY_SECRET="+secret, "LOGIN_BURST=1", "LOGINS_PER_SECOND=0.001")
	for _, tt := range []struct {
		address, secret string
		want            int
	}{
		{"198.51.100.1", secret, http.StatusSeeOther},
		{"198.51.100.1", secret, http.StatusTooManyRequests},
		{"198.51.100.2", secret, http.StatusSeeOther},
		{"198.51.100.3", "guessed", http.StatusSeeOther}, // counted for who sent it
		{"198.51.100.4", "guessed", http.StatusTooManyRequests},
	} {
		b := newBrowser(t, c, "https://chat")
		res, body := b.do("POST", "/login", form, "user=ann", "X-Forwarded-For", tt.address, "X-Proxy-Secret", tt.secret)
		if res.StatusCode != tt.want {
			t.Errorf("%s with the secret %q: %d, want %d: %s", tt.address, tt.secret, res.StatusCode, tt.want, body)
		}
	}
}

func TestRedisAwayRefusesPostsAndKeepsStreams(t *testing.T) {
	r := startRedis(t)
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, r.url(), "STREAM_SECONDS=50")
	ann := newBrowser(t, c, "https://chat").come("ann")
	stream := newBrowser(t, c, "https://chat").listen(t.Context(), "/stream", "")
	ann.say("lobby", "before")
	hear(t, stream)
	for _, i := range c.invocations(c.post) {
		i.End() // its environment is free
	}
	r.kill()
	begin := time.Now()
	res, body := ann.do("POST", "/r/lobby", jason, `{"text":"into the void"}`, "Idempotency-Key", "void")
	if took := time.Since(begin); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || took > 3*time.Second {
		t.Errorf("post while Redis is away: %d, Retry-After %q, after %v: %s", res.StatusCode, res.Header.Get("Retry-After"), took, body)
	}
	r.start()
	ann.say("lobby", "after")
	if ev, _ := hear(t, stream); ev.Text != "after" {
		t.Errorf("heard %+v", ev)
	}
	if how := c.invocations(c.stream); len(how) != 1 {
		t.Errorf("%d streams, want the one that stayed", len(how))
	}
}

func TestFunctionWakesFromAFreezeInWhichItsConnectionsDied(t *testing.T) {
	r := startRedis(t)
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, r.url(), "STREAM_SECONDS=2")
	ann := newBrowser(t, c, "https://chat").come("ann")
	ann.say("lobby", "before")
	for b := range ann.listen(t.Context(), "/stream", "") {
		_ = b // to its end
	}
	for _, f := range []*lambdatest.Function{c.login, c.post, c.stream} {
		c.invocations(f)[0].End()
	}
	for _, kind := range []string{"normal", "pubsub"} {
		if out, err := exec.Command("redis-cli", "-u", r.url(), "client", "kill", "type", kind, "skipme", "yes").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	stream := ann.listen(t.Context(), "/stream", "")
	<-stream
	id := ann.say("lobby", "after")
	if ev, _ := hear(t, stream); ev.ID != id {
		t.Errorf("heard %+v", ev)
	}
	if n := len(c.invocations(c.stream)); n != 2 {
		t.Errorf("%d streams", n)
	}
}

func TestContainerAndFunctionsShareARedis(t *testing.T) {
	r := startRedis(t)
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, r.url())
	base := startServer(t, r.url())
	ann := newBrowser(t, c, "https://chat").come("ann")
	bob := newBrowser(t, http.DefaultTransport, base).come("bob")
	atFunction := ann.listen(t.Context(), "/stream", "")
	atContainer := bob.listen(t.Context(), "/stream", "")
	ann.say("lobby", "by the function")
	bob.say("lobby", "by the container")
	for _, listener := range []<-chan block{atFunction, atContainer} {
		first, _ := hear(t, listener)
		second, _ := hear(t, listener)
		if first.Text != "by the function" || second.Text != "by the container" {
			t.Errorf("heard %+v and %+v", first, second)
		}
	}
}

// startServer runs functions/server as its image does: with nothing around it.
func startServer(tb testing.TB, redis string) (base string) {
	tb.Helper()
	addr := testenv.FreeAddr(tb)
	cmd := exec.Command(bootstrap(tb, "server"))
	cmd.Env = []string{"ADDR=" + addr, "REDIS_URL=" + redis, sessionKeys}
	cmd.Dir = tb.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if tb.Failed() {
			tb.Logf("output of the server:\n%s", out.String())
		}
	})
	testenv.Await(tb, "the server answers", 10*time.Second, func() bool {
		res, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	return "http://" + addr
}
