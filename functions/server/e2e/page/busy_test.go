package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
)

// A busy server, or a gateway before it, turns away what comes first.
type busy struct {
	next http.Handler

	mu     sync.Mutex
	away   map[string]int // how often each is turned away yet, by method and path
	status int
	after  string // what Retry-After says
	early  []string
	told   map[string]time.Time
}

func startBusy(tb testing.TB, s *process.Server, status int, after string, away map[string]int) (*busy, string) {
	tb.Helper()
	target, _ := url.Parse(s.URL)
	b := &busy{next: httputil.NewSingleHostReverseProxy(target), status: status, after: after, away: away, told: map[string]time.Time{}}
	proxy := httptest.NewServer(b)
	tb.Cleanup(proxy.Close)
	tb.Cleanup(proxy.CloseClientConnections)
	return b, proxy.URL
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.refuses(r) {
		if b.after != "" {
			w.Header().Set("Retry-After", b.after)
		}
		http.Error(w, `{"message":"Too Many Requests"}`, b.status)
		return
	}
	b.next.ServeHTTP(w, r)
}

func (b *busy) refuses(r *http.Request) bool {
	what := r.Method + " " + r.URL.Path
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false // the page itself comes from elsewhere
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	wait, _ := time.ParseDuration(b.after + "s")
	if last, ok := b.told[what]; ok && time.Since(last) < wait {
		b.early = append(b.early, what)
	}
	if b.away[what] == 0 {
		delete(b.told, what)
		return false
	}
	b.away[what]--
	b.told[what] = time.Now()
	return true
}

func (b *busy) blame(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for what, n := range b.away {
		if n > 0 {
			t.Errorf("%s was asked %d times too few", what, n)
		}
	}
	if len(b.early) > 0 {
		t.Errorf("asked again before it was time: %q", b.early)
	}
}

// What turns a page away for now is waited for, in plain words, and then it
// goes on by itself.
func TestBusyServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		after  string
	}{{"told how long", http.StatusTooManyRequests, "3"}, {"not told", http.StatusServiceUnavailable, ""}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := process.Start(t)
			bob := s.Login("bob")
			for _, room := range []string{"lobby", "garden"} {
				if _, _, err := s.Post(bob, room, "before", ""); err != nil {
					t.Fatal(err)
				}
			}
			b, base := startBusy(t, s, tt.status, tt.after, map[string]int{
				"GET /login": 1, "POST /login": 2, "GET /r/lobby": 3, "GET /r/lobby/people": 1, "GET /rooms": 2, "GET /stream": 1,
			})
			ann := visit(t, base, func(w *window) { w.setCut(true) }) // a refusal is an error in the console
			ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
			ann.notes("[role=alert]")
			ann.notes("[role=status]")
			ann.write("ann")
			ann.run(`document.querySelector('.login__form').requestSubmit()`)
			ann.await("what happens", `window.noted.some(said => said.includes('you go in by yourself'))`)
			ann.awaitFor(notices, "the truth in the room", `window.noted.some(said => /^The server is busy. Trying again.* your messages are kept/.test(said))`)
			ann.say("written meanwhile")
			ann.awaitFor(notices, "the room", `!document.querySelector('[role=log]').ariaBusy && document.body.dataset.link === 'live' && !document.querySelector('[role=status]').innerText`)
			ann.shows("the room", []string{"before", "written meanwhile"})
			ann.awaitFor(notices, "who is here", `document.querySelector('.bar__people .count').textContent === '1'`)
			ann.run(`document.getElementById('find').focus()`)
			ann.awaitFor(notices, "the other room", `document.querySelector('#found [data-room=garden]')`)
			b.blame(t)
		})
	}
}
