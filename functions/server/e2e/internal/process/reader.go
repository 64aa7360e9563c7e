package process

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Reader follows rooms by SSE as a browser does: it comes back after every
// end with the last id that it saw.
type Reader struct {
	Mu     sync.Mutex
	seen   []Event
	Resets int
	last   string
	change chan struct{} // holds one: something was seen
}

// Follow reads until ctx ends. Base is asked for at each connection.
func Follow(ctx context.Context, base func() string, last string, rooms ...string) *Reader {
	r := &Reader{last: last, change: make(chan struct{}, 1)}
	go func() {
		for ctx.Err() == nil {
			r.once(ctx, base(), rooms)
			select {
			case <-time.After(50 * time.Millisecond): // an EventSource's pause, but shorter
			case <-ctx.Done():
			}
		}
	}()
	return r
}

func (r *Reader) once(ctx context.Context, base string, rooms []string) {
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/stream?"+url.Values{"room": rooms}.Encode(), nil)
	if err != nil {
		return
	}
	r.Mu.Lock()
	if r.last != "" {
		req.Header.Set("Last-Event-ID", r.last)
	}
	r.Mu.Unlock()
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		Blocks(resp.Body, r.take)
	}
}

// Blocks reads SSE and passes every whole block on.
func Blocks(body io.Reader, take func(id, kind, data string)) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	id, kind, data := "", "message", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			take(id, kind, data)
			id, kind, data = "", "message", ""
		}
	}
}

func (r *Reader) take(id, kind, data string) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if id != "" {
		r.last = id
	}
	var ev Event
	switch {
	case kind == "reset":
		r.Resets++
	case kind == "message" && data != "":
		if json.Unmarshal([]byte(data), &ev) == nil {
			r.seen = append(r.seen, ev)
		}
	}
	select {
	case r.change <- struct{}{}:
	default:
	}
}

// Await returns once ok is true of what was seen.
func (r *Reader) Await(tb testing.TB, what string, ok func(seen []Event) bool) []Event {
	tb.Helper()
	late := time.After(20 * time.Second)
	for {
		r.Mu.Lock()
		seen := r.seen
		r.Mu.Unlock()
		if ok(seen) {
			return seen
		}
		select {
		case <-r.change:
		case <-late:
			tb.Fatalf("not seen after 20 s: %s; %d events were", what, len(seen))
		}
	}
}

// AtLeast is for await.
func AtLeast(n int) func([]Event) bool {
	return func(seen []Event) bool { return len(seen) >= n }
}
