package rooms_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// WaysOut are all ways in which a reader gets what was said, each from a cursor.
// An answer that ends is read whole, a stream until it gave the last line.
var waysOut = map[string]func(t *testing.T, g *gone, cursor string) []byte{
	"GET /r/{room}?after=, JSON":        answers("/r/den?limit=100&after=", "application/json"),
	"GET /r/{room}?before=, JSON":       answers("/r/den?limit=100&before=", "application/json"),
	"GET /r/{room}?after=, NDJSON":      answers("/r/den?limit=100&after=", "application/x-ndjson"),
	"GET /r/{room}?after=, text":        answers("/r/den?limit=100&after=", "text/plain"),
	"GET /r/{room}, HTML":               answers("/r/den?x=", "text/html"),
	"GET /r/{room}/{id}, JSON":          answers("/r/den/", "application/json"),
	"GET /r/{room}/{id}, HTML":          answers("/r/den/", "text/html"),
	"GET /r/{room}?q=":                  answers("/r/den?q=token&before=", "application/json"),
	"GET /rooms":                        answers("/rooms?x=", "application/json"),
	"GET /stream?wait=0, JSON":          answers("/stream?room=den&wait=0&after=", "application/json"),
	"GET /poll":                         answers("/poll?room=den&after=", "application/json"),
	"GET /r/{room}?offset=":             durable("/r/den?offset="),
	"GET /r/{room}?live=long-poll":      durable("/r/den?live=long-poll&offset="),
	"GET /r/{room}?live=sse":            durable("/r/den?live=sse&offset="),
	"GET /stream, SSE":                  streams("/stream?room=den", "text/event-stream"),
	"GET /stream of two rooms, SSE":     streamsOfTwo,
	"GET /stream, NDJSON":               streams("/stream?room=den", "application/x-ndjson"),
	"GET /stream?format=text":           streams("/stream?room=den&format=text", "text/event-stream"),
	"GET /r/{room}, SSE":                streams("/r/den", "text/event-stream"),
	"GET /r/{room}?follow=1, NDJSON":    streams("/r/den?follow=1", "application/x-ndjson"),
	"GET /subscribe":                    streams("/subscribe?room=den", "text/event-stream"),
	"GET /event_stream":                 streams("/event_stream?room=den", "text/event-stream"),
	"GET /stream, WebSocket":            socket("/stream?room=den"),
	"GET /r/{room}, WebSocket":          socket("/r/den?x=1"),
	"GET /ws/send, WebSocket with text": socket("/ws/send?room=den"),
}

func answers(target, accept string) func(*testing.T, *gone, string) []byte {
	return func(t *testing.T, g *gone, cursor string) []byte { return g.read(t, target+cursor, accept, "") }
}

func streams(target, accept string) func(*testing.T, *gone, string) []byte {
	return func(t *testing.T, g *gone, cursor string) []byte {
		b := g.read(t, target, accept, cursor)
		mustGive(t, target, b)
		return b
	}
}

func streamsOfTwo(t *testing.T, g *gone, cursor string) []byte {
	return g.read(t, "/stream?room=den&room=empty", "text/event-stream", cursor+",0-0")
}

// durable names a cursor as that protocol does.
func durable(target string) func(*testing.T, *gone, string) []byte {
	return func(t *testing.T, g *gone, cursor string) []byte {
		ms, seq, _ := strings.Cut(cursor, "-")
		offset := "-1"
		if cursor != "0-0" {
			m, _ := strconv.ParseUint(ms, 10, 64)
			n, _ := strconv.ParseUint(seq, 10, 64)
			offset = fmt.Sprintf("%016x_%016x", m, n)
		}
		b := g.read(t, target+offset, "*/*", "")
		mustGive(t, target, b)
		return b
	}
}

func mustGive(t *testing.T, target string, b []byte) {
	t.Helper()
	if !bytes.Contains(b, []byte(theEnd)) {
		t.Errorf("%s does not give the last line: %.200q", target, b)
	}
}

// read reads an answer, at most until the last line.
func (g *gone) read(t *testing.T, target, accept, cursor string) (all []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", g.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if cursor != "" {
		req.Header.Set("Last-Event-ID", cursor)
	}
	res, err := g.reader.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 500 {
		t.Errorf("%s: %s", target, res.Status)
	}
	buf := make([]byte, 64<<10)
	for !bytes.Contains(all, []byte(theEnd)) {
		n, err := res.Body.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return all
		}
	}
	return all
}

func socket(target string) func(*testing.T, *gone, string) []byte {
	return func(t *testing.T, g *gone, cursor string) (all []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, g.URL+target+"&last_event_id="+url.QueryEscape(cursor), &websocket.DialOptions{HTTPClient: g.reader})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		for !bytes.Contains(all, []byte(theEnd)) {
			_, frame, err := conn.Read(ctx)
			if err != nil {
				t.Errorf("%s, from %s: %v after %.200q", target, cursor, err, all)
				return all
			}
			all = append(all, frame...)
		}
		return all
	}
}
