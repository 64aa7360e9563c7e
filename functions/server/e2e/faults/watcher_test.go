package faults_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/sse"
)

// A watcher is a reader whose screen is judged. It comes back as an
// EventSource does, at once or when a bye says so.
type watcher struct {
	base    func() string
	rnd     *rand.Rand
	cut     time.Duration
	halt    atomic.Bool // it stops reading
	cookie  string      // of its session
	subject bool        // its rights change, and it is not in the figures
	slow    bool        // it will, its system keeps little for it, and it is not in the figures

	mu sync.Mutex // guards what follows, until run has returned
	screen
	last    string
	conns   int
	byes    []time.Time
	refused map[int]int
}

func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := w.once(ctx, w.base())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// once is one connection. It returns how long to stay away.
func (w *watcher) once(ctx context.Context, base string) time.Duration {
	const again = 30 * time.Millisecond
	u, err := url.Parse(base + "/stream?" + url.Values{"room": w.Rooms}.Encode())
	if err != nil {
		return again
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return again
	}
	defer conn.Close()
	if w.slow {
		conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if w.cut > 0 {
		life := time.Duration(w.rnd.Int64N(int64(2*w.cut) + 1))
		if w.rnd.IntN(8) == 0 {
			life = time.Duration(w.rnd.Int64N(int64(10 * time.Millisecond))) // before the first event, or the head
		}
		defer time.AfterFunc(life, func() { conn.Close() }).Stop()
	}
	req := "GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/event-stream\r\n"
	w.mu.Lock()
	if w.last != "" {
		req += "Last-Event-ID: " + w.last + "\r\n"
	}
	if w.cookie != "" {
		req += "Cookie: " + w.cookie + "\r\n"
	}
	asked := time.Now()
	w.conns++
	w.mu.Unlock()
	if _, err := io.WriteString(conn, req+"\r\n"); err != nil {
		return again
	}
	conn.SetReadDeadline(time.Now().Add(deadAfter))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return again
	}
	if resp.StatusCode != http.StatusOK {
		w.mu.Lock()
		w.refused[resp.StatusCode]++
		w.mu.Unlock()
		return 5 * again
	}
	defer w.admit(asked)()
	wait := again
	for s := sse.NewScanner(resp.Body); s.Scan(); {
		for w.halt.Load() && ctx.Err() == nil {
			pause(10 * time.Millisecond)
		}
		conn.SetReadDeadline(time.Now().Add(deadAfter))
		if after := w.take(s.Event()); after > 0 {
			wait = after
		}
	}
	return wait
}

// admit notes that a stream was opened, and then that it ended.
func (w *watcher) admit(asked time.Time) (end func()) {
	if !w.subject {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := len(w.Admitted)
	w.Admitted = append(w.Admitted, admission{asked: asked, answered: time.Now()})
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Admitted[i].ended = time.Now()
	}
}

// take puts an event on the screen. It returns what a bye says.
func (w *watcher) take(read sse.Event) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if read.ID != "" {
		w.last = read.ID
		if w.Opened.IsZero() {
			w.Opened = now
		}
	}
	var ev struct {
		process.Event
		Retry int64
	}
	if json.Unmarshal([]byte(read.Data), &ev) != nil {
		return 0
	}
	switch read.Type {
	case "reset", sse.Message:
		w.Steps = append(w.Steps, step{Room: ev.Room, ID: ev.ID, Text: ev.Text, Reset: read.Type == "reset", At: now})
	case "bye":
		after := time.Duration(ev.Retry) * time.Millisecond
		w.byes = append(w.byes, now.Add(after))
		return after + 1
	}
	return 0
}

// ended reports whether the last line of each of its rooms is on the screen.
func (w *watcher) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := 0
	for _, st := range w.Steps[max(0, len(w.Steps)-4*len(w.Rooms)):] {
		if strings.HasPrefix(st.Text, "the end of ") {
			ends++
		}
	}
	return ends >= len(w.Rooms)
}
