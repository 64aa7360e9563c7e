package metrics

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"confab/functions/server/httpserver"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store/bolt"
	"confab/shared/web/compress"
	"confab/shared/web/websocket"
)

// open starts a server of its own in this process, seen by around, and returns
// it and its address.
func open(t *testing.T, log *slog.Logger, around func(*app.App) func(http.Handler) http.Handler) (*app.App, string) {
	t.Helper()
	cfg := app.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Guests: "read", Durability: "primary", History: 1000}
	a, err := app.Open(t.Context(), cfg, log, app.Parts{Store: bolt.Open, Site: public.Files, Upgrade: websocket.Upgrade, Compress: compress.Gzip})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	addr, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- httpserver.Serve(ctx, a, func(at net.Addr) { addr <- at }, around(a)) }()
	t.Cleanup(func() { stop(); <-ended })
	return a, "http://" + (<-addr).String()
}

// openCounted starts a server that is counted, and returns its address and that of
// its metrics.
func openCounted(t *testing.T) (url string, metrics net.Addr) {
	t.Helper()
	var m *Metrics
	_, url = open(t, slog.New(slog.DiscardHandler), func(a *app.App) func(http.Handler) http.Handler {
		m = New(a.Stats)
		return m.Count
	})
	at, stop, err := m.Serve("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url, at
}

func TestMetricsTellWhatHappens(t *testing.T) {
	t.Parallel()
	url, at := openCounted(t)

	stream, err := http.Get(url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	res, err := http.Post(url+"/login", "application/x-www-form-urlencoded", strings.NewReader("user=ann"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	post := httptest.NewRequest("POST", url+"/r/lobby", strings.NewReader("hello"))
	post.RequestURI = ""
	post.Header.Set("Content-Type", "text/plain")
	for range 2 { // the first without a session
		res, err := http.DefaultClient.Do(post)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		post = post.Clone(t.Context())
		post.Body = io.NopCloser(strings.NewReader("hello"))
		if jar := cookiesOf(t, url); len(jar) > 0 {
			post.AddCookie(jar[0])
		}
	}
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); { // until the line is on a screen
		if strings.HasPrefix(lines.Text(), "data:") && strings.Contains(lines.Text(), "hello") {
			break
		}
	}

	body := scrape(t, at)
	for _, want := range []string{
		`confab_listeners\{kind="\w+"\} 1`, `confab_rooms 1`, `confab_audiences 1`, `confab_events_total 1`,
		`confab_stream_ends_total\{reason="stalled"\} 0`, `confab_event_lag_seconds_count 1`, `confab_event_lag_seconds_bucket\{le="\+Inf"\} 1`,
		`confab_requests_total\{route="POST /r/\{room\}",status="401"\} 1`, `confab_requests_total\{route="POST /r/\{room\}",status="201"\} 1`,
		`confab_requests_total\{route="GET /stream",status="200"\} 1`, `confab_post_seconds_count\{route="POST /r/\{room\}"\} 2`,
		`confab_file_commits_total [1-9]`, `confab_file_commit_errors_total 0`, `confab_redis_errors_total 0`, `confab_pubsub_age_seconds`, `confab_pubsub_lag_seconds 0`,
		`go_goroutines`, `process_open_fds`,
	} {
		if !regexp.MustCompile("(?m)^" + want).MatchString(body) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	res, err = http.Get("http://" + at.String() + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("profiles: %s", res.Status)
	}
}

func TestMetricsAreNotServedToTheWorld(t *testing.T) {
	t.Parallel()
	_, url := open(t, slog.New(slog.DiscardHandler), func(a *app.App) func(http.Handler) http.Handler { return New(a.Stats).Count })
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars"} {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

func TestCountedRequestIsTheSameRequest(t *testing.T) {
	t.Parallel()
	_, url := open(t, slog.New(slog.DiscardHandler), func(a *app.App) func(http.Handler) http.Handler { return New(a.Stats).Count })
	res, err := http.Post(url+"/login", "application/x-www-form-urlencoded", strings.NewReader("user="+strings.Repeat("x", 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge || !res.Close {
		t.Errorf("a body that is too large: %s, closed %t; want 413 and a closed connection", res.Status, res.Close)
	}
}

func scrape(t *testing.T, at net.Addr) string {
	t.Helper()
	res, err := http.Get(fmt.Sprintf("http://%s/metrics", at))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func cookiesOf(t *testing.T, url string) []*http.Cookie {
	t.Helper()
	res, err := http.Post(url+"/login", "application/json", strings.NewReader(`{"name":"ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Cookies()
}

func TestBoardAsksForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	url, at := openCounted(t)
	cookiesOf(t, url)
	there := map[string]bool{}
	for name := range parse(t, strings.NewReader(scrape(t, at))) {
		for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
			there[name+suffix] = true
		}
	}
	b, err := os.ReadFile("board.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) {
		t.Error("board.json is no JSON")
	}
	names := regexp.MustCompile(`\b(confab|go|process)_[a-z0-9_]+`).FindAllString(string(b), -1)
	if len(names) < 15 {
		t.Errorf("only %d metrics on the board", len(names))
	}
	for _, name := range names {
		if !there[name] {
			t.Errorf("the board asks for %s, which is not there", name)
		}
	}
}
