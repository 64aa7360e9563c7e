package process

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"confab/shared/sse"
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
		for s := sse.NewScanner(resp.Body); s.Scan(); {
			r.take(s.Event())
		}
	}
}

func (r *Reader) take(read sse.Event) {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if read.ID != "" {
		r.last = read.ID
	}
	var ev Event
	switch read.Type {
	case "reset":
		r.Resets++
	case sse.Message:
		if json.Unmarshal([]byte(read.Data), &ev) == nil {
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

// AtLeast is a condition for Await: at least n events were seen.
func AtLeast(n int) func([]Event) bool {
	return func(seen []Event) bool { return len(seen) >= n }
}
