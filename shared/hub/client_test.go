package hub_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/sse"
)

// A client reads SSE over HTTP, remembers its cursor and what it saw.
type client struct {
	tb     testing.TB
	base   string
	rooms  []chat.RoomID
	cursor string
	seen   map[chat.RoomID][]string
	resets int
	user   string
	bye    chat.Signal // the last
	body   io.ReadCloser
	frames *sse.Scanner

	transport http.Transport
}

func (c *client) connect(ctx context.Context) {
	c.tb.Helper()
	if status := c.dial(ctx); status != http.StatusOK {
		c.tb.Fatal(status)
	}
}

func (c *client) dial(ctx context.Context) (status int) {
	c.tb.Helper()
	q := url.Values{"cursor": {c.cursor}, "user": {c.user}}
	for _, room := range c.rooms {
		q.Add("room", string(room))
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", c.base+"?"+q.Encode(), nil)
	c.transport.DisableKeepAlives = true
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.body, c.frames = resp.Body, sse.NewScanner(resp.Body)
	return resp.StatusCode
}

// next reads one event and records it. False is the end.
func (c *client) next() bool {
	if !c.frames.Scan() {
		return false
	}
	ev := c.frames.Event()
	c.cursor = cmp.Or(ev.ID, c.cursor)
	c.record(ev.Type, ev.Data)
	return true
}

func (c *client) record(kind, data string) {
	var ev chat.Event
	if err := json.Unmarshal([]byte(data), &ev); err != nil {
		c.tb.Errorf("frame %q: %v", data, err)
	}
	switch kind {
	case "message":
		c.seen[ev.Room] = append(c.seen[ev.Room], ev.Text)
	case "bye":
		if err := json.Unmarshal([]byte(data), &c.bye); err != nil {
			c.tb.Error(err)
		}
	case "reset":
		c.resets++
		if ev.Room == "" {
			clear(c.seen)
		} else {
			delete(c.seen, ev.Room)
		}
	}
}

func newClient(tb testing.TB, base string, rooms ...chat.RoomID) *client {
	return &client{tb: tb, base: base, rooms: rooms, seen: map[chat.RoomID][]string{}}
}

// readTo reads until every room has n lines.
func (c *client) readTo(n int, rnd *rand.Rand) {
	c.readUntil(rnd, func() bool {
		return !slices.ContainsFunc(c.rooms, func(room chat.RoomID) bool { return len(c.seen[room]) < n })
	})
}

// readUntil reads until it is through, leaving and coming back at random.
func (c *client) readUntil(rnd *rand.Rand, through func() bool) {
	ctx, cancel := context.WithTimeout(c.tb.Context(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		c.connect(ctx)
		for left := rnd.IntN(200); left > 0 && c.next(); left-- {
			if through() {
				c.body.Close()
				return
			}
		}
		c.body.Close()
	}
	c.tb.Errorf("reader of %v is not through", c.rooms)
}
