package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"
	"confab/shared/testenv"
	"confab/shared/web"
)

// dialRaw sends a request as it stands and returns the connection.
func (l *liveServer) dialRaw(tb testing.TB, request string) net.Conn {
	tb.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patient))
	fmt.Fprintf(conn, "%s\r\nHost: x\r\n\r\n", request)
	return conn
}

// nginx speaks HTTP/1.0 to its upstreams. It gets frames without chunks, and
// its connections keep no goroutine.
func TestHTTP10GetsFramesWithoutChunks(t *testing.T) {
	t.Parallel()
	var rooms *hub.Hub
	l := live(t, func(cfg *web.Config) { rooms = cfg.Hub })
	l.say(t.Context(), t, "lobby", 300)
	for _, cursor := range []string{"", "&last_event_id=0-0"} {
		conn := l.dialRaw(t, "GET /stream?room=lobby"+cursor+" HTTP/1.0")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.TransferEncoding) > 0 {
			t.Errorf("the body is %s", res.TransferEncoding)
		}
		want := 1
		if cursor != "" {
			want = 301
		}
		frames := sse.NewScanner(res.Body)
		if !frames.Scan() || frames.Event().Type != "open" {
			t.Fatalf("began with %q, %v", frames.Event(), frames.Err())
		}
		go l.say(t.Context(), t, "lobby", 1)
		for got := 0; got < want; {
			if !frames.Scan() {
				t.Fatalf("ended after %d events: %v", got, frames.Err())
			}
			var ev chat.Event
			if err := json.Unmarshal([]byte(frames.Event().Data), &ev); err != nil {
				t.Fatalf("%v: %q", err, frames.Event().Data)
			}
			if ev.Kind == chat.Message {
				got++
			}
		}
		if rooms.CanAdopt() {
			testenv.Await(t, "no goroutine is kept", patient, func() bool { return rooms.Stats().Waiting == 0 })
		}
		conn.Close()
	}
}

// A client can tell a cut from the end that the server means.
func TestEndOfAStreamIsTheLastChunk(t *testing.T) {
	t.Parallel()
	l := live(t, func(cfg *web.Config) { cfg.StreamFor = time.Second })
	for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
		conn := l.dialRaw(t, "GET /stream?room=lobby HTTP/1.1\r\nConnection: close\r\nAccept: "+accept)
		all, err := io.ReadAll(conn)
		if err != nil || !strings.HasSuffix(string(all), "\r\n\r\n0\r\n\r\n") && !strings.HasSuffix(string(all), "\n\r\n0\r\n\r\n") {
			t.Errorf("%s ended with %q, %v", accept, all[max(0, len(all)-60):], err)
		}
	}
}

func TestPingOutOfBoundsIsRefused(t *testing.T) {
	t.Parallel()
	l := live(t, func(cfg *web.Config) { cfg.Ping = 20 * time.Second })
	for query, want := range map[string]string{
		"": `"ping":20`, "&ping=5": `"ping":5`, "&ping=60": `"ping":60`,
		"&ping=4": "400", "&ping=61": "400", "&ping=": "400", "&ping=5s": "400", "&ping=-5": "400",
	} {
		for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
			res, err := http.ReadResponse(bufio.NewReader(l.dialRaw(t, "GET /stream?room=lobby"+query+" HTTP/1.1\r\nAccept: "+accept)), nil)
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 4096)
			n, _ := res.Body.Read(buf)
			if got := string(buf[:n]); want == "400" && res.StatusCode != 400 || want != "400" && !strings.Contains(got, want+"}") {
				t.Errorf("%q as %s: %s %s, want %s", query, accept, res.Status, got, want)
			}
		}
	}
}

// Silence is broken by pings, as often as was asked for, and longer than a
// write may take is no reason to end a stream.
func TestStreamOutlivesSilence(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	var both http.Protocols
	both.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(l.Config.Handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	http2 := &http.Client{Transport: &http.Transport{Protocols: &both}}
	ctx, cancel := context.WithTimeout(t.Context(), 4*patient)
	defer cancel()
	var wg sync.WaitGroup
	for _, tt := range []struct {
		name, query, accept string
		client              *http.Client
		after               time.Duration
	}{
		{"HTTP/1.1", "ping=5", "text/event-stream", http.DefaultClient, 5 * time.Second},
		{"NDJSON", "ping=5", "application/x-ndjson", http.DefaultClient, 5 * time.Second},
		{"HTTP/2", "ping=10", "text/event-stream", http2, 10 * time.Second},
		{"NDJSON over HTTP/2", "ping=10", "application/x-ndjson", http2, 10 * time.Second},
	} {
		wg.Go(func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/stream?room=silent&"+tt.query, nil)
			req.Header.Set("Accept", tt.accept)
			res, err := tt.client.Do(req)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				return
			}
			defer res.Body.Close()
			begun := time.Now()
			for lines := bufio.NewScanner(res.Body); ; {
				if !lines.Scan() {
					t.Errorf("%s ended after %v: %v", tt.name, time.Since(begun), lines.Err())
					return
				}
				if strings.Contains(lines.Text(), `"kind":"ping"`) {
					break
				}
			}
			if took := time.Since(begun); took < tt.after-time.Second || took > tt.after+5*time.Second {
				t.Errorf("%s: the first ping after %v, want %v", tt.name, took, tt.after)
			}
		})
	}
	wg.Wait()
	http2.CloseIdleConnections()
}
