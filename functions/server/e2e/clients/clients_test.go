//go:build clients

package clients_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

const (
	clientEvents = 1000
	clientCut    = 50 // events from one cut to the next
)

// Clients that nobody here wrote, two of each, see each event once and in the
// log's order, through a connection that is reset after every 50 events and
// ended after every other 50. It needs npm: go test -tags clients.
func TestForeignClientsSeeEachEventOnceThroughCuts(t *testing.T) {
	testenv.Need(t, "curl")
	dir := npm(t, "clients")
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0", "STREAMS_PER_ADDRESS=0", "STREAMS_PER_USER=0")
	var all []*clientRun
	for _, name := range []string{"curl", "eventsource", "ws", "durable-sse", "durable-long-poll"} {
		for range 2 {
			args := []string{"node", "follow.mjs", name}
			if name == "curl" {
				args = []string{"bash", "follow.sh"}
			}
			all = append(all, runClient(t, s, dir, name, args...))
		}
	}
	c := s.Login("Ann")
	for i := range clientEvents {
		testenv.Await(t, "the slowest client has come close, so that no client is cut less", time.Minute, func() bool {
			return t.Failed() || !slices.ContainsFunc(all, func(r *clientRun) bool { return r.count() < i-clientCut*3/2 })
		})
		if t.Failed() {
			return
		}
		if code, _, err := s.Post(c, "lobby", fmt.Sprint(i), ""); err != nil || code != http.StatusCreated {
			t.Fatal(code, err)
		}
	}
	for _, r := range all {
		testenv.Await(t, r.name+" has seen everything", time.Minute, func() bool { return r.count() >= clientEvents || t.Failed() })
		t.Logf("%s: %d events through %d cuts", r.name, r.count(), r.cuts)
		if r.cuts < clientEvents/clientCut-2 {
			t.Errorf("%s was cut %d times only", r.name, r.cuts)
		}
	}
}

// npm installs what is in a folder of testdata where nothing of the project is.
func npm(tb testing.TB, name string) (dir string) {
	testenv.Need(tb, "node")
	testenv.Need(tb, "npm")
	dir = tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// A clientRun is one client, behind a network of its own.
type clientRun struct {
	name string
	mu   sync.Mutex // guards n
	n    int        // events seen
	cuts int
}

func (r *clientRun) count() int { r.mu.Lock(); defer r.mu.Unlock(); return r.n }

func runClient(tb testing.TB, s *process.Server, dir, name string, args ...string) *clientRun {
	tb.Helper()
	r := &clientRun{name: name}
	p := network.StartProxy(tb, s.URL)
	cmd := exec.Command(args[0], append(args[1:], "http://"+p.Addr)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(tb, p, bufio.NewScanner(out)) })
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		wg.Wait()
		_ = cmd.Wait()
	})
	return r
}

// watch reads what the client prints, a text or an event a line, and cuts.
func (r *clientRun) watch(tb testing.TB, p *network.Proxy, out *bufio.Scanner) {
	for out.Scan() {
		text := out.Text()
		var ev struct{ Text string }
		if json.Unmarshal([]byte(text), &ev) == nil && ev.Text != "" {
			text = ev.Text
		}
		if want := fmt.Sprint(r.count()); text != want {
			tb.Errorf("%s: saw %s, want %s", r.name, text, want)
			return
		}
		r.mu.Lock()
		r.n++
		cut := r.n%clientCut == 0 && r.n < clientEvents
		r.mu.Unlock()
		if cut && r.cuts%2 == 0 {
			p.ResetAll()
		} else if cut {
			p.EndAll()
		}
		if cut {
			r.cuts++
		}
	}
}
