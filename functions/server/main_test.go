package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the server as `make build` makes it, with the race detector if
// the tests have it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "confab")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "confab")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		os.Exit(1)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("4") // most of them wait for something
	}
	code := m.Run()
	if tortured() {
		printTable(os.Stdout)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// A server is a running process.
type server struct {
	tb  testing.TB
	env []string
	cmd *exec.Cmd
	URL string
	log *tail
}

// start runs a server with these variables, on a free port unless ADDR says
// otherwise, in a data folder of its own unless DATA_DIR does.
func start(tb testing.TB, env ...string) *server {
	tb.Helper()
	base := []string{"PATH=" + os.Getenv("PATH"), "ADDR=127.0.0.1:0", "DATA_DIR=" + tb.TempDir()}
	s := &server{tb: tb, env: append(base, env...)}
	s.start()
	tb.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.tb.Helper()
	s.log = &tail{}
	s.cmd = exec.Command(binary)
	s.cmd.Env, s.cmd.Stderr = s.env, s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		s.tb.Fatalf("the server did not start: %s", s.log)
	}
	if s.URL == "" { // it stays: others read it
		s.URL = strings.TrimSpace(line[strings.LastIndex(line, " ")+1:])
	}
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
}

// stop asks it to leave, and waits.
func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// restart starts a new process at the same address.
func (s *server) restart() {
	s.tb.Helper()
	s.env = append(s.env, "ADDR="+strings.TrimPrefix(s.URL, "http://"))
	s.start()
}

// A tail keeps what a process said.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// startRedis runs a redis-server on a free port and returns its URL.
func startRedis(tb testing.TB, args ...string) string {
	tb.Helper()
	return newRedis(tb, args...).URL()
}

// login says a name and returns the client that carries the session.
func (s *server) login(name string) *http.Client {
	s.tb.Helper()
	jar := &oneJar{}
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.PostForm(s.URL+"/login", url.Values{"user": {name}})
	if err != nil {
		s.tb.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther || len(jar.cookies) == 0 {
		s.tb.Fatalf("login answered %s and set %d cookies", resp.Status, len(jar.cookies))
	}
	return c
}

// A oneJar sends its cookies to every server: several are one chat.
type oneJar struct {
	mu      sync.Mutex
	cookies []*http.Cookie
}

func (j *oneJar) SetCookies(_ *url.URL, cs []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = cs
}

func (j *oneJar) Cookies(*url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cookies
}

// An event as it is on the wire, as far as these tests look.
type event struct{ Room, ID, Prev, Kind, Text, Key string }

// post says something in a room and returns the status and the event.
func (s *server) post(c *http.Client, room, text, key string) (int, event, error) {
	body, _ := json.Marshal(map[string]string{"text": text})
	req, err := http.NewRequest("POST", s.URL+"/r/"+room, bytes.NewReader(body))
	if err != nil {
		return 0, event{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, event{}, err
	}
	defer resp.Body.Close()
	var ev event
	err = json.NewDecoder(resp.Body).Decode(&ev)
	return resp.StatusCode, ev, err
}

// A reader follows rooms by SSE as a browser does: it comes back after every
// end with the last id that it saw.
type reader struct {
	mu     sync.Mutex
	seen   []event
	resets int
	last   string
	change chan struct{} // holds one: something was seen
}

// follow reads until ctx ends. Base is asked for at each connection.
func follow(ctx context.Context, base func() string, last string, rooms ...string) *reader {
	r := &reader{last: last, change: make(chan struct{}, 1)}
	go func() {
		for ctx.Err() == nil {
			r.once(ctx, base(), rooms)
			select {
			case <-time.After(50 * time.Millisecond): // an EventSource's pause, but shorter
			case <-ctx.Done():
			}
		}
	}()
	return r
}

func (r *reader) once(ctx context.Context, base string, rooms []string) {
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/stream?"+url.Values{"room": rooms}.Encode(), nil)
	if err != nil {
		return
	}
	r.mu.Lock()
	if r.last != "" {
		req.Header.Set("Last-Event-ID", r.last)
	}
	r.mu.Unlock()
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		blocks(resp.Body, r.take)
	}
}

// blocks reads SSE and passes every whole block on.
func blocks(body io.Reader, take func(id, kind, data string)) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	id, kind, data := "", "message", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			take(id, kind, data)
			id, kind, data = "", "message", ""
		}
	}
}

func (r *reader) take(id, kind, data string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != "" {
		r.last = id
	}
	var ev event
	switch {
	case kind == "reset":
		r.resets++
	case kind == "message" && data != "":
		if json.Unmarshal([]byte(data), &ev) == nil {
			r.seen = append(r.seen, ev)
		}
	}
	select {
	case r.change <- struct{}{}:
	default:
	}
}

// await returns once ok is true of what was seen.
func (r *reader) await(tb testing.TB, what string, ok func(seen []event) bool) []event {
	tb.Helper()
	late := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		seen := r.seen
		r.mu.Unlock()
		if ok(seen) {
			return seen
		}
		select {
		case <-r.change:
		case <-late:
			tb.Fatalf("not seen after 20 s: %s; %d events were", what, len(seen))
		}
	}
}

// atLeast is for await.
func atLeast(n int) func([]event) bool {
	return func(seen []event) bool { return len(seen) >= n }
}

// run runs a server that should not start, and returns what it says.
func run(tb testing.TB, env ...string) (string, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ADDR=127.0.0.1:0", "DATA_DIR=" + tb.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The image is this binary and the roots that it trusts, 0.22 MB. For ARM,
// which is what make image builds for, it is a fifteenth smaller.
func TestImageIsSmall(t *testing.T) {
	const limit = 15_000_000
	small := filepath.Join(t.TempDir(), "confab")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", small, ".") // as its Dockerfile does
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(small)
	if err != nil {
		t.Fatal(err)
	}
	if size := info.Size() + 220_000; size > limit {
		t.Errorf("the image has %d bytes, the most is %d", size, limit)
	}
}
