package proxies_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/doctor"
	"confab/functions/server/e2e/internal/process"
	"confab/shared/sse"

	"github.com/coder/websocket"
)

var (
	whole   = flag.Bool("table", false, "look at each proxy by page, SSE and WebSocket, and write .github/docs/proxies.md")
	silence = flag.Duration("silence", 45*time.Second, "how long nothing is said, for the table")
)

const (
	tableLines = 10
	comes      = 5 * time.Second // in which what was sent is here, on a machine with much else to do
	fallsBack  = 8 * time.Second // in which a page has to read by a way that works
)

// The configurations that are looked at by a page in each run, and the way by
// which it has to read there.
var pageRows = map[string]string{
	"nginx, quickstart, PUBLIC_ORIGIN": "SSE",
	"nginx, quickstart that holds":     "polling",
	"nginx, as the manual says":        "SSE",
}

// A measurement is what came through a proxy.
type measurement struct {
	page, sse, socket, verdict string

	way   string
	after time.Duration // until the page was live
	err   error         // why it is not
}

// Two windows of a browser speak to each other through real proxies. With -table
// it is all of them, with a silence, and what came of it is written down.
func TestPageIsLiveBehindRealProxies(t *testing.T) {
	var mu sync.Mutex // guards found
	found := map[string]measurement{}
	t.Run("rows", func(t *testing.T) {
		for _, row := range table {
			want, picked := pageRows[row.name]
			if !picked && !*whole || row.path != "" {
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				m := row.measure(t)
				if picked && (m.err != nil || m.way != want || m.after > fallsBack) {
					t.Errorf("the page reads by %s after %v, want %s within %v (%v)", m.way, m.after, want, fallsBack, m.err)
				}
				mu.Lock()
				defer mu.Unlock()
				found[row.name] = m
			})
		}
	})
	if *whole && !t.Failed() {
		writeTable(t, found)
	}
}

// measure looks through the proxy by all ways.
func (r row) measure(t *testing.T) (m measurement) {
	s, base, authority := r.start(t)
	client, err := clientOf(authority)
	if err != nil {
		t.Fatal(err)
	}
	m.page, m.err = m.byPage(t, base)
	if !*whole {
		return m
	}
	if m.err != nil {
		m.page = "no: " + firstWords(m.err.Error())
	}
	m.sse = throughStream(t, s, client, base)
	m.socket = throughSocket(t, s, client, base)
	var out bytes.Buffer
	_ = doctor.Run(t.Context(), r.arguments("1s", base, authority), &out)
	m.verdict = verdict(out.String())
	return m
}

// byPage has two windows say lines in turn, be silent, and say one more.
func (m *measurement) byPage(t *testing.T, base string) (string, error) {
	var windows []*window
	for _, name := range []string{"ann", "bob"} {
		w, err := join(t, base, name)
		if err != nil {
			return "", err
		}
		windows = append(windows, w)
	}
	var err error
	if m.way, m.after, err = windows[1].reads(); err != nil {
		return "", err
	}
	worst := time.Duration(0)
	for i := range tableLines {
		took, err := passes(windows[i%2], windows[1-i%2], fmt.Sprintf("line %d", i))
		if err != nil {
			return "", err
		}
		worst = max(worst, took)
	}
	t.Logf("%s after %v, lines within %v", m.way, m.after, worst)
	if !*whole {
		return m.way, nil
	}
	select {
	case <-time.After(*silence):
	case <-t.Context().Done():
	}
	took, err := passes(windows[0], windows[1], "after the silence")
	t.Logf("after the silence within %v", took)
	return m.way, err
}

// passes is how long a line needs from one window to the other.
func passes(from, to *window, text string) (time.Duration, error) {
	began := time.Now()
	if err := from.say(text); err != nil {
		return 0, err
	}
	err := to.sees(text, time.Minute)
	return time.Since(began), err
}

// throughStream posts lines to the server itself, and looks when they arrive.
func throughStream(t *testing.T, s *process.Server, client *http.Client, base string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", base+"/stream?room=wire", nil)
	req.Header.Set("Accept", "text/event-stream")
	lines, opened := make(chan string, tableLines), make(chan bool, 1)
	status := make(chan string, 1)
	go func() {
		defer close(lines)
		res, err := client.Do(req)
		if err != nil {
			status <- "no answer"
			return
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			status <- res.Status
			return
		}
		for events := sse.NewScanner(res.Body); events.Scan(); {
			switch ev := events.Event(); ev.Type {
			case "open":
				opened <- true
			case sse.Message:
				lines <- ev.ID
			}
		}
	}()
	return arrive(t, s, "stream", opened, lines, status)
}

// arrive posts lines one by one, once the stream is open, and waits for each.
func arrive(t *testing.T, s *process.Server, name string, opened <-chan bool, lines, status <-chan string) string {
	select {
	case <-opened:
	case why := <-status:
		return "no: " + why
	case <-time.After(comes):
		return "held"
	}
	by := s.Login(name)
	for i := range tableLines {
		if _, _, err := s.Post(by, "wire", fmt.Sprint(i), ""); err != nil {
			t.Fatal(err)
		}
		select {
		case _, ok := <-lines:
			if !ok {
				return "ends"
			}
		case <-time.After(comes):
			return "held"
		}
	}
	return "live"
}

// throughSocket does the same by WebSocket.
func throughSocket(t *testing.T, s *process.Server, client *http.Client, base string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, strings.Replace(base, "http", "ws", 1)+"/stream?room=wire", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		if res != nil {
			return "no: " + res.Status
		}
		return "no answer"
	}
	defer c.CloseNow()
	lines, opened := make(chan string, tableLines), make(chan bool, 1)
	go func() {
		defer close(lines)
		for {
			_, frame, err := c.Read(ctx)
			if err != nil {
				return
			}
			switch {
			case bytes.Contains(frame, []byte(`"kind":"open"`)):
				opened <- true
			case bytes.Contains(frame, []byte(`"kind":"message"`)):
				lines <- string(frame)
			}
		}
	}()
	return arrive(t, s, "socket", opened, lines, nil)
}

var finding = regexp.MustCompile(`(?m)^(\w+) +(FAULT|note) `)

// verdict is what the doctor found, in words.
func verdict(said string) string {
	var all []string
	for _, m := range finding.FindAllStringSubmatch(said, -1) {
		all = append(all, strings.ToLower(m[2])+": "+m[1])
	}
	return cmp.Or(strings.Join(all, ", "), "good")
}

func firstWords(s string) string {
	first, _, _ := strings.Cut(s, ":")
	return first
}

// writeTable writes what was found into the documents.
func writeTable(t *testing.T, found map[string]measurement) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, proxiesPage, *silence)
	for _, row := range table {
		if m, ok := found[row.name]; ok {
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", row.name, m.page, m.sse, m.socket, m.verdict)
		}
	}
	root, err := process.Root()
	if err == nil {
		err = os.WriteFile(filepath.Join(root, ".github", "docs", "proxies.md"), []byte(out.String()), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const proxiesPage = `# Behind real proxies

` + "`make proxies`" + ` makes this table. Each row is a real proxy with one configuration in front of a server
(` + "`functions/server/e2e/proxies`" + ` has them). The page is open in two windows of Chromium, which say ten lines in turn, are
silent for %v, and say one more; the column says by which way it reads when all of them arrived. SSE and WebSocket are read
by a program while ten lines are posted. The last column is what ` + "`confab doctor`" + ` says. A page at 127.0.0.1 may sign in
where one at a real name without TLS may not: there the browser does not say that the page is the server's own, and the
doctor does as it does there.

| configuration | page | SSE | WebSocket | doctor |
| --- | --- | --- | --- | --- |
`

// The rows that each run looks at are there.
func TestPageRowsAreInTheTable(t *testing.T) {
	for name := range pageRows {
		if !slices.ContainsFunc(table, func(r row) bool { return r.name == name }) {
			t.Errorf("no row is called %q", name)
		}
	}
}
