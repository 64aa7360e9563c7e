package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/httpserver"
	"confab/public"
	"confab/shared/app"
	"confab/shared/chat"
	"confab/shared/store/bolt"
	"confab/shared/web/websocket"
)

const (
	markup  = "<xss-7f3a onload=alert(1)>" // must come back from nowhere as markup
	patient = 5 * time.Second              // a server that takes longer hangs
)

// An attack is the bytes of a request. Whole says that it is well-formed, and
// to be answered; others may be hung up on.
type attack struct {
	name, raw string
	whole     bool
}

// A rig is the whole server on a real listener.
type rig struct {
	addr  string
	token string
	log   bytes.Buffer
}

func raise(t *testing.T) *rig {
	g := &rig{}
	cfg := app.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Guests: "read", Durability: "primary", History: 10000}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelError})), app.Parts{Store: bolt.Open, Site: public.Files, Upgrade: websocket.Upgrade})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	addr, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- httpserver.Serve(ctx, a, func(at net.Addr) { addr <- at.String() }) }()
	select {
	case g.addr = <-addr:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	res, err := http.Post("http://"+g.addr+"/login", "application/json", strings.NewReader(`{"name":"mallory","token":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	g.token = decode[who](t, res).Token
	return g
}

// request writes a well-formed request by mallory around hostile parts.
func (g *rig) request(method, target, head, body string) string {
	if head != "" {
		head = strings.TrimSuffix(head, "\n") + "\n"
	}
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\n", len(body))
	}
	head = "Host: " + g.addr + "\nAuthorization: Bearer " + g.token + "\nConnection: close\n" + head + "\n"
	return method + " " + target + " HTTP/1.1\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + body
}

func (g *rig) whole(method, target, head, body string) attack {
	return attack{raw: g.request(method, target, head, body), whole: true}
}

// send returns the head of the answer and what came of its body. Unless the
// request is whole it closes its own side after it: nothing more will come.
func (g *rig) send(a attack) (res *http.Response, body string, err error) {
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patient))
	go func() {
		_, _ = io.WriteString(conn, a.raw) // the server may have answered before it is all read
		if !a.whole {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	method, _, _ := strings.Cut(a.raw, " ")
	res, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, "", nil // it would go on
	}
	b, err := io.ReadAll(res.Body)
	if isTimeout(err) {
		return res, "", err
	}
	return res, string(b), nil
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// A witness reads two rooms all the while, byte by byte.
type witness struct {
	lines chan string
	conn  net.Conn
}

func (g *rig) watch(t *testing.T) *witness {
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /stream?room=lobby&room=ops HTTP/1.1\r\nHost: %s\r\n\r\n", g.addr)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	r := bufio.NewReader(res.Body)
	w := &witness{lines: make(chan string, 1<<14), conn: conn}
	go func() {
		defer close(w.lines)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			w.lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	t.Cleanup(func() { conn.Close() })
	return w
}

var frameLine = regexp.MustCompile(`^(|retry: \d+|id: \d+-\d+,\d+-\d+|event: (open|edit|delete|reaction|room|typing|presence|ping)|data: \{[^\x00-\x1f\x{2028}\x{2029}]*\})$`)

// until reads frames up to a message of that text, and returns the ids of all
// messages. Whatever is no frame, or out of the rooms' order, fails.
func (w *witness) until(t *testing.T, last string) (ids []string) {
	t.Helper()
	end := time.After(patient)
	prev := map[chat.RoomID]chat.ID{}
	for {
		var line string
		select {
		case line = <-w.lines:
		case <-end:
			t.Fatal("the witness waits in vain")
		}
		if !frameLine.MatchString(line) {
			t.Fatalf("the witness read %q", line)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var ev chat.Event
		if err := json.Unmarshal([]byte(data), &ev); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if ev.ID.IsZero() {
			continue
		}
		if ev.Prev != prev[ev.Room] {
			t.Errorf("%s in %s comes after %s, the witness is at %s", ev.ID, ev.Room, ev.Prev, prev[ev.Room])
		}
		prev[ev.Room] = ev.ID
		ids = append(ids, string(ev.Room)+"/"+ev.ID.String())
		if ev.Text == last {
			return ids
		}
	}
}

// Answers of net/http itself to a protocol or a coding that it does not
// speak. RFC 9110 has no 4xx for them.
func protocolError(code int, raw string) bool {
	first, _, _ := strings.Cut(raw, "\r\n")
	return code == http.StatusHTTPVersionNotSupported && !strings.HasSuffix(first, "HTTP/1.1") ||
		code == http.StatusNotImplemented && strings.Contains(raw, "Transfer-Encoding")
}

func TestHostileRequestsHarmNobody(t *testing.T) {
	g := raise(t)
	w := g.watch(t)
	attacks := g.attacks()
	if len(attacks) < 300 {
		t.Errorf("only %d attacks", len(attacks))
	}
	var accepted []string
	for _, a := range attacks {
		res, body, err := g.send(a)
		if isTimeout(err) || err != nil && a.whole {
			t.Errorf("%s: %v", a.name, err)
		}
		if err != nil {
			continue // hung up on: an answer too
		}
		judge(t, a, res, body)
		if at, ok := strings.CutPrefix(res.Header.Get("Location"), "/r/"); ok && res.StatusCode/100 == 2 {
			accepted = append(accepted, at)
		}
	}
	res, _, err := g.send(g.whole("POST", "/r/ops", asText, "the end"))
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatal("after all that nobody can post:", res, err)
	}
	seen := map[string]int{}
	for _, id := range w.until(t, "the end") {
		seen[id]++
	}
	for _, at := range accepted {
		if room, _, _ := strings.Cut(at, "/"); (room == "ops" || room == "lobby") && seen[at] != 1 {
			t.Errorf("%s was accepted, and seen %d times", at, seen[at])
		}
	}
	if g.log.Len() > 0 {
		t.Errorf("the server had errors:\n%s", g.log.String())
	}
	t.Logf("%d attacks, of which %d were harmless lines", len(attacks), len(accepted))
}

func judge(t *testing.T, a attack, res *http.Response, body string) {
	t.Helper()
	if res.StatusCode >= 500 && !protocolError(res.StatusCode, a.raw) {
		t.Errorf("%s: %s %s", a.name, res.Status, body)
	}
	kind := res.Header.Get("Content-Type")
	data := strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "text/plain") || strings.HasPrefix(kind, "application/x-ndjson")
	if strings.Contains(body, markup[:6]) && (!data || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.StatusCode >= 400) {
		t.Errorf("%s: markup comes back as %s: %s", a.name, kind, body)
	}
	if res.Header.Get("X-Injected") != "" || strings.Contains(fmt.Sprint(res.Header), markup[:6]) {
		t.Errorf("%s: a header was injected: %v", a.name, res.Header)
	}
	for _, c := range res.Cookies() {
		if c.Name != "session" {
			t.Errorf("%s: sets the cookie %s", a.name, c.Name)
		}
	}
}

// HEAD of a stream has a head alone, and ends.
func TestHeadOfAStreamEnds(t *testing.T) {
	g := raise(t)
	res, body, err := g.send(g.whole("HEAD", "/stream", "", ""))
	if err != nil || res.StatusCode != 200 || body != "" {
		t.Errorf("%v %q %v", res, body, err)
	}
}

// Who opens many streams and leaves at once leaves nothing behind.
func TestStreamsThatAreDroppedAtOnceFreeTheirPlace(t *testing.T) {
	g := raise(t)
	w := g.watch(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				if _, _, err := g.send(g.whole("GET", "/stream?room=ops", "", "")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if res, _, err := g.send(g.whole("POST", "/r/ops", asText, "still here")); err != nil || res.StatusCode != 201 {
		t.Fatal(res, err)
	}
	if ids := w.until(t, "still here"); len(ids) != 1 {
		t.Errorf("the witness saw %d lines", len(ids))
	}
}
