package rooms_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/functions/server/e2e/internal/process"

	"github.com/coder/websocket"
)

// A tap is one way to read a room, and all that came by it.
type tap struct {
	name string
	done chan struct{}

	status int       // when it is over
	over   time.Time // when it was
	mu     sync.Mutex
	came   strings.Builder
}

// A way reads a room from a cursor on until there is no more.
type way struct {
	name string
	read func(ctx context.Context, t *tap, c *http.Client, base, room, cursor string) (status int, err error)
}

// ways are all by which somebody may be reading.
var ways = map[string]way{
	"SSE":              {"SSE", stream("text/event-stream", "")},
	"SSE of two rooms": {"SSE of two rooms", stream("text/event-stream", "lobby")},
	"NDJSON":           {"NDJSON", stream("application/x-ndjson", "")},
	"WebSocket":        {"WebSocket", socketOf},
	"HTTP/1.0":         {"HTTP/1.0", oldStream},
	"long poll":        {"long poll", stream("application/json", "")},
}

// tapAll reads in each way on each server. A poll ends with what it finds.
func (h *house) tapAll(c *http.Client, room, cursor string) (taps []*tap) {
	for _, s := range h.servers {
		for _, name := range slices.Sorted(maps.Keys(ways)) {
			if name != "long poll" {
				taps = append(taps, h.tap(c, s, ways[name], room, cursor))
			}
		}
	}
	return taps
}

func (h *house) tap(c *http.Client, s *process.Server, by way, room, cursor string) *tap {
	t := &tap{name: fmt.Sprintf("%s at %s", by.name, s.URL), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(h.Context(), 30*time.Second)
	h.Cleanup(func() { cancel(); <-t.done })
	patient := *c
	patient.Timeout = 0
	go func() {
		defer close(t.done)
		var err error
		if t.status, err = by.read(ctx, t, &patient, s.URL, room, cursor); err != nil {
			fmt.Fprintf(t, "\nended by %v", err)
		}
		t.over = time.Now()
	}()
	return t
}

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.came.Write(b)
}

func (t *tap) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.came.String()
}

func (t *tap) has(text string) bool { return strings.Contains(t.text(), text) }

func (t *tap) isOver() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

func (t *tap) await(h *house, what string, ok func() bool) {
	h.Helper()
	h.await(t.name+": "+what, ok)
}

// stream reads in a form, together with another room if there is one.
func stream(form, other string) func(context.Context, *tap, *http.Client, string, string, string) (int, error) {
	return func(ctx context.Context, t *tap, c *http.Client, base, room, cursor string) (int, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", streamOf(base, room, other, cursor), nil)
		if err != nil {
			return 0, err
		}
		req.Header.Set("Accept", form)
		resp, err := c.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(t, resp.Body)
		return resp.StatusCode, err
	}
}

// streamOf is the address of a stream of a room, and of another.
func streamOf(base, room, other, cursor string) string {
	q := url.Values{"room": {room}, "last_event_id": {cursor}}
	if other != "" {
		cursors := []string{cursor, "0-0"} // in the order of the rooms' names
		if other < room {
			slices.Reverse(cursors)
		}
		q = url.Values{"room": {room, other}, "last_event_id": {strings.Join(cursors, ",")}}
	}
	return base + "/stream?" + q.Encode()
}

func socketOf(ctx context.Context, t *tap, c *http.Client, base, room, cursor string) (int, error) {
	header := http.Header{}
	for _, cookie := range c.Jar.Cookies(nil) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(streamOf(base, room, "", cursor), "http"), &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if resp == nil {
			return 0, err
		}
		return resp.StatusCode, nil
	}
	defer conn.CloseNow()
	for {
		_, frame, err := conn.Read(ctx)
		if websocket.CloseStatus(err) == websocket.StatusPolicyViolation {
			return resp.StatusCode, nil
		}
		if err != nil {
			return resp.StatusCode, err
		}
		_, _ = t.Write(append(frame, '\n'))
	}
}

// oldStream reads as nginx asks its upstreams.
func oldStream(ctx context.Context, t *tap, c *http.Client, base, room, cursor string) (int, error) {
	u, err := url.Parse(streamOf(base, room, "", cursor))
	if err != nil {
		return 0, err
	}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\nAccept: text/event-stream\r\n", u.RequestURI(), u.Host)
	for _, cookie := range c.Jar.Cookies(nil) {
		fmt.Fprintf(conn, "Cookie: %s=%s\r\n", cookie.Name, cookie.Value)
	}
	fmt.Fprint(conn, "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(t, resp.Body)
	return resp.StatusCode, err
}

var dialer net.Dialer
