package page_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"

	cdpnetwork "github.com/chromedp/cdproto/network"
)

// What a room may cost.
const (
	firstRequests = 15
	firstBytes    = 60_000 // to the browser, headers counted
	laterRequests = 3      // before the lines are painted
	laterPaint    = 500 * time.Millisecond
	roundTrip     = 100 * time.Millisecond
)

// A meter stands in front of a server and counts what a browser asks for and
// is sent.
type meter struct {
	net.Listener
	requests atomic.Int64
	bytes    atomic.Int64
	asked    chan string
}

func startMeter(tb testing.TB, target string) *meter {
	tb.Helper()
	to, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	m := &meter{asked: make(chan string, 1000)}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.Out.Header["Accept-Encoding"] = r.In.Header["Accept-Encoding"]
	}}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		m.asked <- r.Method + " " + r.URL.Path
		proxy.ServeHTTP(w, r)
	}))
	m.Listener = front.Listener
	front.Listener = m
	front.Start()
	tb.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	return m
}

func (m *meter) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	return &metered{c, m}, err
}

type metered struct {
	net.Conn
	meter *meter
}

func (c *metered) Write(b []byte) (int, error) {
	c.meter.bytes.Add(int64(len(b)))
	return c.Conn.Write(b)
}

// signedIn is the cookie of somebody who said a name.
func signedIn(s *process.Server, name string) func(w *window) {
	cookie := s.Login(name).Jar.Cookies(nil)[0]
	return func(w *window) {
		send(w, cdpnetwork.SetCookie, cdpnetwork.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: w.URL})
	}
}

const fiftyLines = `document.querySelectorAll('.lines .line').length >= 50`

func TestRoomIsLight(t *testing.T) {
	s := process.Start(t, journal(t, longTalk(200)))
	m := startMeter(t, s.URL)
	far := network.StartProxy(t, m.Addr().String())
	w := visit(t, "http://"+far.Addr+"/r/lobby", signedIn(s, "ann"))
	w.await("the lines", fiftyLines)
	w.await("the stream", `document.body.dataset.link === 'live'`)
	w.await("the worker", `navigator.serviceWorker.ready.then(ready => ready.active?.state === 'activated')`)
	w.await("nothing more to come", `new Promise(done => setTimeout(done, 1500, true))`)
	requests, bytes := m.requests.Load(), m.bytes.Load()
	var asked []string
	people, rooms := 0, 0
	for len(m.asked) > 0 {
		one := <-m.asked
		asked = append(asked, one)
		if strings.HasSuffix(one, "/people") {
			people++
		}
		if one == "GET /r/lobby" {
			rooms++
		}
	}
	t.Logf("first visit: %d requests, %d bytes", requests, bytes)
	if requests > firstRequests || bytes > firstBytes {
		t.Errorf("a room costs %d requests and %d bytes, not at most %d and %d: %q", requests, bytes, firstRequests, firstBytes, asked)
	}
	if rooms != 1 {
		t.Errorf("the lines were read %d times", rooms)
	}
	if people != 1 {
		t.Errorf("who is here was asked for %d times", people)
	}

	far.Slow(roundTrip / 2)
	w.reload()
	w.await("the lines again", fiftyLines)
	w.await("a paint", `performance.getEntriesByName('first-contentful-paint').length === 1`)
	paint := eval[float64](w, `performance.getEntriesByName('first-contentful-paint')[0].startTime`)
	before := eval[[]string](w, `performance.getEntriesByType('resource').filter(one => one.startTime < performance.getEntriesByName('first-contentful-paint')[0].startTime && one.transferSize).map(one => one.name)`)
	t.Logf("later visit: painted after %.0f ms, before that the document and %q", paint, before)
	if n := len(before) + 1; n > laterRequests {
		t.Errorf("%d requests before the lines are painted: %q", n, before)
	}
	if limit := float64(laterPaint.Milliseconds()); paint > limit && !process.Race {
		t.Errorf("painted after %.0f ms, not %.0f", paint, limit)
	}
}
