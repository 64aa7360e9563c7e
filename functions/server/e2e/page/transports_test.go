package page_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
)

// What a page needs that follows the lobby from its beginning, with what the
// browser gives it and nothing of ours.
var ownClients = map[string]string{
	"EventSource": `new EventSource('/stream?last_event_id=0-0').onmessage = (message) => seen.push(JSON.parse(message.data).text)`,

	"WebSocket": `(function follow(cursor) {
		const socket = new WebSocket('ws://' + location.host + '/stream?last_event_id=' + cursor)
		socket.onmessage = (message) => {
			const event = JSON.parse(message.data)
			if (event.kind !== 'message') return
			cursor = event.id
			seen.push(event.text)
		}
		socket.onclose = () => setTimeout(follow, 20, cursor)
	})('0-0')`,
}

// Chromium's own clients, two of each, see each event once and in the log's
// order, through a connection that is reset after every 50 events and ended
// after every other 50. (What others wrote is in clients_test.go.)
func TestChromiumSeesEachEventOnceThroughCuts(t *testing.T) {
	t.Parallel()
	const events, apart = 1000, 50
	s := process.Start(t, "POSTS_PER_SECOND=0", "STREAMS_PER_ADDRESS=0")
	var all []*ownClient
	for name, script := range ownClients {
		for range 2 {
			c := &ownClient{name: name, p: network.StartProxy(t, s.URL), every: apart}
			c.w = visit(t, "http://"+c.p.Addr+"/healthz", func(w *window) { w.setCut(true) })
			c.w.run(`window.seen = [], ` + script)
			all = append(all, c)
		}
	}
	ann := s.Login("Ann")
	said := 0
	late := time.After(2 * time.Minute)
	for slices.ContainsFunc(all, func(c *ownClient) bool { return c.count < events }) {
		slowest := slices.MinFunc(all, func(a, b *ownClient) int { return a.count - b.count }).count
		for ; said < min(events, slowest+apart*3/2); said++ { // the slowest is given time, so that no client is cut less
			if code, _, err := s.Post(ann, "lobby", fmt.Sprint(said), ""); err != nil || code != http.StatusCreated {
				t.Fatal(code, err)
			}
		}
		for _, c := range all {
			c.look(t)
		}
		select {
		case <-late:
			t.Fatalf("after 2 min one has seen %d events, %d were said", slowest, said)
		default:
		}
	}
	for _, c := range all {
		t.Logf("%s: %d events through %d cuts", c.name, c.count, c.cuts)
		if c.cuts < events/apart-2 {
			t.Errorf("%s was cut %d times only", c.name, c.cuts)
		}
	}
}

// An ownClient is a page behind a network of its own.
type ownClient struct {
	name  string
	w     *window
	p     *network.Proxy
	every int // events from one cut to the next
	count int // events seen
	cuts  int
}

// look checks what came since the last look, and cuts when it is time.
func (c *ownClient) look(t *testing.T) {
	t.Helper()
	for _, text := range eval[[]string](c.w, `seen.splice(0)`) {
		if want := fmt.Sprint(c.count); text != want {
			t.Fatalf("%s saw %s, want %s", c.name, text, want)
		}
		c.count++
	}
	if c.count < (c.cuts+1)*c.every {
		return
	}
	if c.cuts%2 == 0 {
		c.p.ResetAll()
	} else {
		c.p.EndAll()
	}
	c.cuts++
}
