package functions_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/shared/sse"
)

func TestBufferedStreamsTogetherLoseAndRepeatNothing(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "STREAM_SECONDS=1", "POSTS_PER_SECOND=0")
			ann := newBrowser(t, c, "https://chat").come("ann")
			heard := make(chan string, 1000)
			go func() {
				defer close(heard)
				guest, cursor, last := newBrowser(t, c, "https://chat"), "0-0", ""
				for last != "good night" {
					for b := range guest.listen(t.Context(), "/stream?room=lobby", cursor) {
						if b.ID != "" {
							cursor = b.ID
						}
						if b.Type == sse.Message {
							last = b.event(t).Text
							heard <- last
						}
					}
				}
			}()
			var said []string
			for range time.Tick(10 * time.Millisecond) { // a pace that leaves streams of several lines
				if len(c.invocations(c.stream)) > 3 {
					break
				}
				said = append(said, fmt.Sprint("line ", len(said)))
				ann.say("lobby", said[len(said)-1])
			}
			said = append(said, "good night")
			ann.say("lobby", "good night")
			var got []string
			for late, more := time.After(30*time.Second), true; more; {
				select {
				case line, ok := <-heard:
					if more = ok; ok {
						got = append(got, line)
					}
				case <-late:
					t.Fatalf("heard %d of %d lines", len(got), len(said))
				}
			}
			if !slices.Equal(got, said) {
				t.Errorf("heard %q\n said %q", got, said)
			}
			for _, i := range c.invocations(c.stream) {
				if how := i.End(); how != "complete" {
					t.Errorf("a stream ended by %s", how)
				}
			}
		})
	}
}

func TestStreamSaysByeBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=600")
	c.stream.Timeout = 4 * time.Second
	var last block
	for b := range newBrowser(t, c, "https://chat").listen(t.Context(), "/stream", "") {
		last = b
	}
	if last.Type != "bye" || !strings.Contains(last.Data, `"retry"`) {
		t.Errorf("the last block is %+v", last)
	}
	if how := c.invocations(c.stream)[0].End(); how != "complete" {
		t.Errorf("ended by %s", how)
	}
}

func TestListenerThatLeftCostsAtMostStreamSeconds(t *testing.T) {
	c := newCloud(t, lambdatest.URL, lambdatest.URLStream, startRedis(t).url(), "STREAM_SECONDS=2")
	ctx, leave := context.WithCancel(t.Context())
	begin := time.Now()
	newBrowser(t, c, "https://chat").listen(ctx, "/stream", "")
	leave()
	how := c.invocations(c.stream)[0].End()
	if paid := time.Since(begin); how != "complete" || paid > 4*time.Second {
		t.Errorf("ended by %s after %v", how, paid)
	}
}

// CloudFront cuts an answer that says nothing for 30 s.
func TestStreamIsNeverSilentForLong(t *testing.T) {
	if testing.Short() {
		t.Skip("listens to silence for two pings")
	}
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=32")
	last, pings := time.Now(), 0
	for b := range newBrowser(t, c, "https://chat").listen(t.Context(), "/stream", "") {
		if silent := time.Since(last); silent > 20*time.Second {
			t.Errorf("nothing was said for %v", silent)
		}
		last = time.Now()
		if b.Type == "ping" {
			pings++
		}
	}
	if pings < 2 {
		t.Errorf("%d pings", pings)
	}
}

func TestUpgradeIsRefusedByAFunction(t *testing.T) {
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=1")
	res, body := newBrowser(t, c, "https://chat").do("GET", "/stream", "", "",
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if res.StatusCode != http.StatusNotImplemented || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("upgrade: %d %s", res.StatusCode, body)
	}
}
