package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/httpserver"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store/bolt"
	"confab/shared/testenv"
	"confab/shared/web/websocket"
)

// start serves until stop, which reports how the server ended.
func start(t *testing.T, log io.Writer) (addr string, stop func() error) {
	t.Helper()
	cfg := app.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Guests: "read", Durability: "primary", History: 1000, StreamsPerAddress: 64}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), app.Parts{Store: bolt.Open, Site: public.Files, Upgrade: websocket.Upgrade})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	at, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- httpserver.Serve(ctx, a, func(l net.Addr) { at <- l.String() }) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { stop() })
	return <-at, stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Each takes its time in a way of its own, and is to be hung up on.
func TestWhoTakesTooLongIsClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the time that a stranger may take")
	}
	t.Parallel()
	addr, _ := start(t, io.Discard)
	for name, tt := range map[string]struct {
		first, drip string
		limit       time.Duration
	}{
		"nothing":            {"", "", 5 * time.Second},
		"slow head":          {"GET / HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n", 5 * time.Second},
		"slow request line":  {"GET /", "a", 5 * time.Second},
		"slow body":          {"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n\r\n", " ", 10 * time.Second},
		"slow chunks":        {"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 10 * time.Second},
		"HTTP/2 preface cut": {"PRI * HTTP/2.0\r\n\r\nSM", "", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, addr)
			began := time.Now()
			io.WriteString(conn, tt.first)
			go drip(t.Context(), conn, tt.drip)
			conn.SetReadDeadline(began.Add(tt.limit + 2*time.Second))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Errorf("open after %v, the limit is %v", time.Since(began), tt.limit)
			}
		})
	}
	t.Run("a newcomer meanwhile", func(t *testing.T) {
		t.Parallel()
		client := http.Client{Timeout: 2 * time.Second}
		res, err := client.Get("http://" + addr + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	})
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// drip writes a piece twice a second until the connection ends.
func drip(ctx context.Context, conn net.Conn, piece string) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for piece != "" {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
	}
}

func TestHeadThatIsTooLargeIsRefused(t *testing.T) {
	addr, _ := start(t, io.Discard)
	for _, tt := range []struct {
		bytes, status int
		says          string
	}{
		{8 << 10, 200, "ok"}, {22 << 10, 200, "ok"}, // of other apps' cookies on localhost
		{50 << 10, 431, "cookies"}, {100 << 10, 431, ""},
	} {
		conn := dial(t, addr)
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: a=%s\r\n\r\n", strings.Repeat("a", tt.bytes))
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("a head of %d bytes: %v", tt.bytes, err)
		}
		body := make([]byte, 512)
		n, _ := io.ReadFull(res.Body, body)
		if res.StatusCode != tt.status || !strings.Contains(string(body[:n]), tt.says) {
			t.Errorf("a head of %d bytes: %s %s; want %d and %q", tt.bytes, res.Status, body[:n], tt.status, tt.says)
		}
	}
}

// h2 is a client that speaks HTTP/2 without TLS and nothing else.
func h2(t *testing.T) *http.Client {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &only}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestHTTP2WithoutTLSStreamsAndSaysBye(t *testing.T) {
	addr, stop := start(t, io.Discard)
	c := h2(t)
	res, err := c.Get("http://" + addr + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", res.Proto, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "id: ") {
	}
	login, err := c.Post("http://"+addr+"/login", "application/json", strings.NewReader(`{"name":"ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	login.Body.Close()
	if login.ProtoMajor != 2 || login.StatusCode != http.StatusOK {
		t.Errorf("a login beside the stream: %s %s", login.Proto, login.Status)
	}
	began := time.Now()
	if err := stop(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("the server ended with %v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("the server took %v to leave", d)
	}
	bye := false
	for lines.Scan() {
		bye = bye || lines.Text() == "event: bye"
	}
	if !bye {
		t.Error("the stream ended without a bye")
	}
}

// Requests that are taken back as soon as they are sent cost the server more
// than the client (CVE-2023-44487).
func TestHTTP2ResetsHarmNobody(t *testing.T) {
	addr, _ := start(t, io.Discard)
	c := h2(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/stream", nil)
				go cancel()
				if res, err := c.Do(req); err == nil {
					res.Body.Close()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	client := http.Client{Timeout: 2 * time.Second}
	for range 64 { // all places of this address are free again
		testenv.Await(t, "a stream is let in", 5*time.Second, func() bool {
			t.Helper()
			res, err := client.Get("http://" + addr + "/stream")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { res.Body.Close() })
			return res.StatusCode == http.StatusOK
		})
	}
}

func TestLogTellsOfStartAndStop(t *testing.T) {
	var log testenv.Output
	_, stop := start(t, &log)
	stop()
	for _, want := range []string{`msg=listening addr=127.0.0.1:`, `store="built in"`, `msg="shutting down"`, `msg="server stopped"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in\n%s", want, &log)
		}
	}
}
