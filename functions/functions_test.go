package functions_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/shared/testenv"
)

const sessionKeys = "SESSION_KEYS=0123456789abcdef0123456789abcdef"

var built struct {
	sync.Mutex
	dir string
}

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("4") // most of them wait for something
	}
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
	for range 100 {
		if c, err := net.Dial("tcp", r.addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond) // until it listens
	}
	r.tb.Fatal("redis-server does not listen")
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
var fronts = []struct{ door, streams lambdatest.Door }{
	{lambdatest.REST, lambdatest.RESTStream},
	{lambdatest.URL, lambdatest.URLStream},
	{lambdatest.HTTP, lambdatest.HTTP},
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
	case r.URL.Path == "/login" || r.URL.Path == "/":
		return "login"
	case r.Method == http.MethodGet:
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

// A browser is somebody who came by a way of any kind.
type browser struct {
	tb   testing.TB
	http *http.Client
	base string
}

func newBrowser(tb testing.TB, way http.RoundTripper, base string) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{tb, &http.Client{Transport: way, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, base}
}

func (b *browser) do(method, path, kind, body string, header ...string) (*http.Response, string) {
	b.tb.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	return res, string(text)
}

const (
	form  = "application/x-www-form-urlencoded"
	jason = "application/json"
)

// come signs in.
func (b *browser) come(name string) *browser {
	b.tb.Helper()
	if res, body := b.do("POST", "/login", form, url.Values{"user": {name}}.Encode()); res.StatusCode != http.StatusSeeOther {
		b.tb.Fatalf("login: %d %s", res.StatusCode, body)
	}
	return b
}

// say posts a line and gives its id.
func (b *browser) say(room, text string) string {
	b.tb.Helper()
	draft, _ := json.Marshal(map[string]string{"text": text})
	res, body := b.do("POST", "/r/"+room, jason, string(draft))
	var ev event
	if err := json.Unmarshal([]byte(body), &ev); res.StatusCode != http.StatusCreated || err != nil {
		b.tb.Fatalf("post: %d %s", res.StatusCode, body)
	}
	return ev.ID
}

type event struct {
	ID, Kind, Text string
	By             struct{ Name string }
}

// A block is what a stream says between two blank lines.
type block struct {
	id, name, data, retry string
}

func (b block) event(tb testing.TB) (ev event) {
	tb.Helper()
	if err := json.Unmarshal([]byte(b.data), &ev); err != nil {
		tb.Fatalf("%v: %v", b, err)
	}
	return ev
}

// listen opens a stream and gives its blocks until it ends or ctx does.
func (b *browser) listen(ctx context.Context, path, lastID string) <-chan block {
	b.tb.Helper()
	r, _ := http.NewRequestWithContext(ctx, "GET", b.base+path, nil)
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	blocks := make(chan block, 1000)
	res, err := b.http.Do(r)
	if ctx.Err() != nil {
		close(blocks)
		return blocks
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		text, _ := io.ReadAll(res.Body)
		b.tb.Fatalf("stream: %d %s %s", res.StatusCode, kind, text)
	}
	go func() {
		defer close(blocks)
		defer res.Body.Close()
		var now block
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				now.id = value
			case "event":
				now.name = value
			case "data":
				now.data = value
			case "retry":
				now.retry = value
			case "":
				blocks <- now
				now = block{}
			}
		}
	}()
	return blocks
}

// hear waits for the next line of a stream that is live.
func hear(tb testing.TB, blocks <-chan block) (ev event, id string) {
	tb.Helper()
	for late := time.After(10 * time.Second); ; {
		select {
		case b, ok := <-blocks:
			if !ok {
				tb.Fatal("the stream ended")
			}
			if b.data != "" && b.name == "" {
				return b.event(tb), b.id
			}
		case <-late:
			tb.Fatal("nothing is heard")
		}
	}
}

func TestChatThroughEveryFrontDoor(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "STREAM_SECONDS=30")
			ann := newBrowser(t, c, "https://chat").come("ann")
			res, body := ann.do("GET", "/login", "", "", "Accept", jason)
			if res.StatusCode != 200 || !strings.Contains(body, `"name":"ann"`) {
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
		if first := <-listener; first.retry == "" && first.id == "" {
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
			if b.id != "" {
				cursor = b.id
			}
			if b.data != "" && b.name == "" {
				heard = append(heard, b.event(t).Text)
			}
			if b.retry != "" && b.retry != "250" {
				t.Errorf("retry after %s ms", b.retry)
			}
		}
		return heard
	}
	ann.say("lobby", "before")
	quiet := make(chan []string)
	go func() { quiet <- turn() }() // waits for the first line from now on
	late := time.AfterFunc(2*time.Second, func() { ann.say("lobby", "one") })
	defer late.Stop()
	if heard := <-quiet; !slices.Equal(heard, []string{"one"}) {
		t.Errorf("first turn: %q", heard)
	}
	ann.say("lobby", "two")
	ann.say("lobby", "three")
	heard := turn()
	if len(heard) == 1 { // the bell had rung for one of them
		heard = append(heard, turn()...)
	}
	if !slices.Equal(heard, []string{"two", "three"}) {
		t.Errorf("second turn: %q", heard)
	}
}

func TestFiniteStreamsTogetherLoseAndRepeatNothing(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "STREAM_SECONDS=1", "POSTS_PER_SECOND=0")
			ann := newBrowser(t, c, "https://chat").come("ann")
			heard := make(chan string, 1000)
			go func() {
				defer close(heard)
				guest, cursor, last := newBrowser(t, c, "https://chat"), "0-0", ""
				for last != "good night" {
					for b := range guest.listen(t.Context(), "/stream?room=lobby", cursor) {
						if b.id != "" {
							cursor = b.id
						}
						if b.data != "" && b.name == "" {
							last = b.event(t).Text
							heard <- last
						}
					}
				}
			}()
			var said []string
			for range time.Tick(10 * time.Millisecond) { // a pace that leaves streams of several lines
				if len(c.invocations(c.stream)) > 3 {
					break
				}
				said = append(said, fmt.Sprint("line ", len(said)))
				ann.say("lobby", said[len(said)-1])
			}
			said = append(said, "good night")
			ann.say("lobby", "good night")
			var got []string
			for late, more := time.After(30*time.Second), true; more; {
				select {
				case line, ok := <-heard:
					if more = ok; ok {
						got = append(got, line)
					}
				case <-late:
					t.Fatalf("heard %d of %d lines", len(got), len(said))
				}
			}
			if !slices.Equal(got, said) {
				t.Errorf("heard %q\n said %q", got, said)
			}
			for _, i := range c.invocations(c.stream) {
				if how := i.End(); how != "complete" {
					t.Errorf("a stream ended by %s", how)
				}
			}
		})
	}
}

func TestStreamSaysByeBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=600")
	c.stream.Timeout = 4 * time.Second
	var last block
	for b := range newBrowser(t, c, "https://chat").listen(t.Context(), "/stream", "") {
		last = b
	}
	if last.name != "bye" || !strings.Contains(last.data, `"retry"`) {
		t.Errorf("the last block is %+v", last)
	}
	if how := c.invocations(c.stream)[0].End(); how != "complete" {
		t.Errorf("ended by %s", how)
	}
}

func TestListenerThatLeftCostsAtMostStreamSeconds(t *testing.T) {
	c := newCloud(t, lambdatest.URL, lambdatest.URLStream, startRedis(t).url(), "STREAM_SECONDS=2")
	ctx, leave := context.WithCancel(t.Context())
	begin := time.Now()
	newBrowser(t, c, "https://chat").listen(ctx, "/stream", "")
	leave()
	how := c.invocations(c.stream)[0].End()
	if paid := time.Since(begin); how != "complete" || paid > 4*time.Second {
		t.Errorf("ended by %s after %v", how, paid)
	}
}

// CloudFront cuts an answer that says nothing for 30 s.
func TestStreamIsNeverSilentForLong(t *testing.T) {
	if testing.Short() {
		t.Skip("listens to silence for two pings")
	}
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=32")
	last, pings := time.Now(), 0
	for b := range newBrowser(t, c, "https://chat").listen(t.Context(), "/stream", "") {
		if silent := time.Since(last); silent > 20*time.Second {
			t.Errorf("nothing was said for %v", silent)
		}
		last = time.Now()
		if b.name == "ping" {
			pings++
		}
	}
	if pings < 2 {
		t.Errorf("%d pings", pings)
	}
}

func TestUpgradeIsRefusedByAFunction(t *testing.T) {
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=1")
	res, body := newBrowser(t, c, "https://chat").do("GET", "/stream", "", "",
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if res.StatusCode != http.StatusNotImplemented || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("upgrade: %d %s", res.StatusCode, body)
	}
}

func TestFunctionsAreSmallAndWakeSoon(t *testing.T) {
	const zipped = 5e6
	for arch, binary := range map[string]int{"arm64": 9e6, "amd64": 9 << 20} { // make deploy takes ARM; AMD's are a twentieth larger
		dir := t.TempDir()
		if out, err := exec.Command("make", "-C", "..", "functions", "ARCH="+arch, "BUILD="+dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, name := range []string{"login", "post", "stream"} {
			b, err := os.ReadFile(filepath.Join(dir, name, "bootstrap"))
			if err != nil {
				t.Fatal(err)
			}
			var archive bytes.Buffer
			z := zip.NewWriter(&archive)
			w, _ := z.Create("bootstrap")
			w.Write(b)
			z.Close()
			t.Logf("%s for %s: %.2f MB, zipped %.2f MB", name, arch, float64(len(b))/1e6, float64(archive.Len())/1e6)
			if len(b) > binary || archive.Len() > zipped {
				t.Errorf("%s for %s: %d bytes, zipped %d", name, arch, len(b), archive.Len())
			}
		}
	}
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url())
	begin := time.Now()
	newBrowser(t, c, "https://chat").come("ann")
	t.Logf("a cold function's first login, from the start of its process: %v", time.Since(begin).Round(time.Millisecond))
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
	for range 100 {
		if res, err := http.Get("http://" + addr + "/healthz"); err == nil {
			res.Body.Close()
			return "http://" + addr
		}
		time.Sleep(50 * time.Millisecond) // until it listens
	}
	tb.Fatalf("the server does not answer: %s", out.String())
	return ""
}
