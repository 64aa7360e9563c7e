//go:build clients && resume

package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

const (
	tornLines = 200
	tornEvery = 10  // lines from one cut to the next
	tornFrame = 400 // bytes: a cut comes within so many, which is a frame with its chunk and a bit of the next
)

// A torn client follows the room through cuts in the middle of frames.
type tornClient struct {
	name string
	args []string

	mu   sync.Mutex // guards what follows
	seen []int
	cuts int
}

func (c *tornClient) count() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.seen) }

// last is the number of the last line that was seen, or -1.
func (c *tornClient) last() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) == 0 {
		return -1
	}
	return slices.Max(c.seen)
}

// Clients that others wrote are cut in the middle of a frame, by a reset and by
// a clean end in turn, and come back with the id that they kept. The test prints
// how many lines each lost and saw twice.
func TestForeignClientsResumeThroughCutsInsideFrames(t *testing.T) {
	var all []*tornClient
	dir := npm(t, "clients")
	for _, name := range []string{"eventsource", "fetch-event-source"} {
		all = append(all, &tornClient{name: name, args: []string{"node", "follow.mjs", name}})
	}
	python := pip(t, dir)
	for _, name := range []string{"httpx-sse", "sseclient-py"} {
		all = append(all, &tornClient{name: name, args: []string{python, "follow.py", name}})
	}
	if bin, ok := cargo(t, dir); ok {
		all = append(all, &tornClient{name: "reqwest-eventsource", args: []string{bin}})
	}
	if jars, ok := maven(t, dir); ok {
		for _, name := range []string{"okhttp-eventsource", "jersey"} {
			all = append(all, &tornClient{name: name, args: []string{"java", "-cp", jars + "/*", "java/Follow.java", name}})
		}
	}
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0", "STREAMS_PER_ADDRESS=0", "STREAMS_PER_USER=0")
	for _, c := range all {
		c.run(t, s, dir)
	}
	ann := s.Login("Ann")
	for i := range tornLines {
		testenv.Await(t, "the slowest client has come close, so that all are cut as often", 90*time.Second, func() bool {
			return !slices.ContainsFunc(all, func(c *tornClient) bool { return c.last() < i-tornEvery })
		})
		if code, _, err := s.Post(ann, "lobby", fmt.Sprint(i), ""); err != nil || code != http.StatusCreated {
			t.Fatal(code, err)
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-22s %6s %6s %6s %8s\n", "client", "cuts", "lines", "lost", "doubled")
	for _, c := range all {
		testenv.Await(t, c.name+" has seen the last line", time.Minute, func() bool { return c.last() == tornLines-1 })
		lost, doubled := c.score()
		fmt.Fprintf(&table, "%-22s %6d %6d %6d %8d\n", c.name, c.cuts, c.count(), lost, doubled)
		if lost+doubled > 0 {
			t.Errorf("%s lost %d lines and saw %d twice", c.name, lost, doubled)
		}
		if c.cuts < tornLines/tornEvery-2 {
			t.Errorf("%s was cut %d times only", c.name, c.cuts)
		}
	}
	t.Logf("\n%s", table.String())
}

// score is how many lines were not seen, and how many were seen again.
func (c *tornClient) score() (lost, doubled int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := map[int]int{}
	for _, n := range c.seen {
		times[n]++
	}
	for n := range tornLines {
		switch {
		case times[n] == 0:
			lost++
		case times[n] > 1:
			doubled += times[n] - 1
		}
	}
	return lost, doubled
}

// run starts the client behind a network of its own.
func (c *tornClient) run(tb testing.TB, s *process.Server, dir string) {
	tb.Helper()
	p := network.StartProxy(tb, s.URL)
	cmd := exec.Command(c.args[0], append(c.args[1:], "http://"+p.Addr)...)
	var errors bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &errors
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.watch(p, bufio.NewScanner(out)) })
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		wg.Wait()
		_ = cmd.Wait()
		if tb.Failed() {
			tb.Logf("%s says:\n%s", c.name, errors.String())
		}
	})
}

// watch reads what the client prints, an event a line, and has the next frame
// cut at random.
func (c *tornClient) watch(p *network.Proxy, out *bufio.Scanner) {
	for out.Scan() {
		var ev struct{ Text string }
		if json.Unmarshal(out.Bytes(), &ev) != nil {
			ev.Text = out.Text()
		}
		n, err := strconv.Atoi(ev.Text)
		if err != nil {
			continue
		}
		c.mu.Lock()
		c.seen = append(c.seen, n)
		cut := len(c.seen)%tornEvery == 0 && n < tornLines-1
		if cut {
			c.cuts++
		}
		hard := c.cuts%2 == 0
		c.mu.Unlock()
		if cut {
			p.CutAfter(rand.IntN(tornFrame), hard)
		}
	}
}

// pip installs the clients in Python and returns the interpreter.
func pip(tb testing.TB, dir string) (python string) {
	tb.Helper()
	testenv.Need(tb, "python3")
	venv := filepath.Join(dir, "venv")
	install(tb, dir, "python3", "-m", "venv", venv)
	python = filepath.Join(venv, "bin", "python")
	install(tb, dir, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
	return python
}

// cargo builds the client in Rust, where there is a compiler.
func cargo(tb testing.TB, dir string) (bin string, ok bool) {
	tb.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		tb.Log("cargo is missing: without the clients in Rust")
		return "", false
	}
	install(tb, filepath.Join(dir, "rust"), "cargo", "build", "--quiet", "--locked")
	return filepath.Join(dir, "rust", "target", "debug", "follow"), true
}

// maven fetches the clients in Java, where there is a Java.
func maven(tb testing.TB, dir string) (jars string, ok bool) {
	tb.Helper()
	for _, name := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(name); err != nil {
			tb.Logf("%s is missing: without the clients in Java", name)
			return "", false
		}
	}
	jars = filepath.Join(dir, "jars")
	install(tb, filepath.Join(dir, "java"), "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+jars)
	return jars, true
}

func install(tb testing.TB, dir, name string, args ...string) {
	tb.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CARGO_TERM_COLOR=never")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", name, err, out)
	}
}
