package functions_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"confab/shared/sse"
)

// A browser is somebody who came by a way of any kind.
type browser struct {
	tb   testing.TB
	http *http.Client
	base string
}

func newBrowser(tb testing.TB, way http.RoundTripper, base string) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{tb, &http.Client{Transport: way, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, base}
}

func (b *browser) do(method, path, kind, body string, header ...string) (*http.Response, string) {
	b.tb.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	return res, string(text)
}

const (
	form  = "application/x-www-form-urlencoded"
	jason = "application/json"
)

// come signs in.
func (b *browser) come(name string) *browser {
	b.tb.Helper()
	if res, body := b.do("POST", "/login", form, url.Values{"user": {name}}.Encode()); res.StatusCode != http.StatusSeeOther {
		b.tb.Fatalf("login: %d %s", res.StatusCode, body)
	}
	return b
}

// say posts a line and gives its id.
func (b *browser) say(room, text string) string {
	b.tb.Helper()
	draft, _ := json.Marshal(map[string]string{"text": text})
	res, body := b.do("POST", "/r/"+room, jason, string(draft))
	var ev event
	if err := json.Unmarshal([]byte(body), &ev); res.StatusCode != http.StatusCreated || err != nil {
		b.tb.Fatalf("post: %d %s", res.StatusCode, body)
	}
	return ev.ID
}

type event struct {
	ID, Kind, Text string
	By             struct{ Name string }
}

// A block is an event of a stream, and after what time a client that is cut
// comes back.
type block struct {
	sse.Event
	retry time.Duration
}

func (b block) event(tb testing.TB) (ev event) {
	tb.Helper()
	if err := json.Unmarshal([]byte(b.Data), &ev); err != nil {
		tb.Fatalf("%v: %v", b, err)
	}
	return ev
}

// listen opens a stream and gives its blocks until it ends or ctx does.
func (b *browser) listen(ctx context.Context, path, lastID string) <-chan block {
	b.tb.Helper()
	r, _ := http.NewRequestWithContext(ctx, "GET", b.base+path, nil)
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	blocks := make(chan block, 1000)
	res, err := b.http.Do(r)
	if ctx.Err() != nil {
		close(blocks)
		return blocks
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		text, _ := io.ReadAll(res.Body)
		b.tb.Fatalf("stream: %d %s %s", res.StatusCode, kind, text)
	}
	go func() {
		defer close(blocks)
		defer res.Body.Close()
		for s := sse.NewScanner(res.Body); s.Scan(); {
			blocks <- block{s.Event(), s.Retry()}
		}
	}()
	return blocks
}

// hear waits for the next line of a stream that is live.
func hear(tb testing.TB, blocks <-chan block) (ev event, id string) {
	tb.Helper()
	for late := time.After(10 * time.Second); ; {
		select {
		case b, ok := <-blocks:
			if !ok {
				tb.Fatal("the stream ended")
			}
			if b.Type == sse.Message {
				return b.event(tb), b.ID
			}
		case <-late:
			tb.Fatal("nothing is heard")
		}
	}
}
