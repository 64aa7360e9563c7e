package hub_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"
	"confab/shared/testenv"
)

func grown(ms uint64) chat.Signal { return chat.Signal{Kind: chat.Grown, ID: chat.ID{MS: ms}} }

// until reads until what done says, and returns which signals for the user came
// on the way.
func (c *client) until(what string, done func(kind chat.Kind, ev chat.Event) bool) (signals []string) {
	late := time.AfterFunc(10*time.Second, func() { c.body.Close() })
	defer late.Stop()
	for c.frames.Scan() {
		frame := c.frames.Event()
		kind := chat.Kind(frame.Type)
		if kind == chat.Grown || kind == chat.Read {
			signals = append(signals, frame.Data)
			if frame.ID != c.cursor {
				c.tb.Errorf("a signal of one user moves the cursor from %q to %q", c.cursor, frame.ID)
			}
		}
		c.cursor = frame.ID
		var ev chat.Event
		if err := json.Unmarshal([]byte(frame.Data), &ev); err != nil {
			c.tb.Errorf("frame %q: %v", frame.Data, err)
		}
		if done(kind, ev) {
			return signals
		}
	}
	c.tb.Errorf("the stream ended before %q", what)
	return append(signals, "")
}

func (c *client) untilLine(text string) []string {
	return c.until(text, func(_ chat.Kind, ev chat.Event) bool { return ev.Text == text })
}

func (c *client) untilSignal(want chat.Kind) []string {
	return c.until(string(want), func(kind chat.Kind, _ chat.Event) bool { return kind == want })
}

func TestSignalOfAUserGoesToTheirStreamsAlone(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		h := newHub(t, log)
		base := serve(t, h, k)
		open := func(user string, rooms ...chat.RoomID) *client {
			c := newClient(t, base, rooms...)
			c.user = user
			c.connect(t.Context())
			c.next()
			return c
		}
		eve, tab, ann, guest := open("u_eve", "a"), open("u_eve", "a", "b"), open("u_ann", "a"), open("", "a")
		audiences := h.Stats().Audiences
		log.post("a", "before")
		for _, c := range []*client{eve, tab, ann, guest} {
			c.untilLine("before")
		}
		for ms := range uint64(3) {
			h.SignalUser("u_eve", grown(ms+1))
		}
		h.SignalUser("u_eve", chat.Signal{Kind: chat.Read, Room: "a", ID: chat.ID{MS: 9}})
		got := make(chan []string)
		for _, c := range []*client{eve, tab} {
			go func() { got <- c.untilSignal(chat.Read) }()
		}
		for range 2 {
			signals := <-got
			if !slices.Contains(signals, `{"kind":"inbox","id":"3-0"}`) || signals[len(signals)-1] != `{"room":"a","kind":"read","id":"9-0"}` {
				t.Errorf("their streams get %q", signals)
			}
		}
		log.post("a", "after")
		for _, c := range []*client{eve, tab, ann, guest} {
			if signals := c.untilLine("after"); len(signals) > 0 {
				t.Errorf("%q gets %q", c.user, signals)
			}
		}
		if n := h.Stats().Audiences; n != audiences {
			t.Errorf("%d audiences, %d before", n, audiences)
		}
	})
}

// Two users may share the bytes by which a connection knows its user. Whoever
// opened it knows better.
func TestSignalOfAUserIsNotForWhoSharesTheirHash(t *testing.T) {
	testenv.NeedLinux(t, "adopted connections")
	log := newFakeLog()
	h := newHub(t, log)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reader, err := h.Read(r.Context(), "u_eve", []chat.RoomID{"a"}, "")
		if err != nil {
			t.Error(err)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", sse.Chunk(hub.Opening(reader.Open(), time.Second)))
		reader.Adopt(conn, hub.Adoption{Chunked: true, Holder: func(user string) bool { return user == "u_bob" }})
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	c := newClient(t, srv.URL, "a")
	c.connect(t.Context())
	c.next()
	testenv.Await(t, "the connection is adopted", 5*time.Second, func() bool { return h.Stats().Adopted == 1 })
	other := newClient(t, serve(t, h, adopted), "a")
	other.user = "u_eve"
	other.connect(t.Context())
	other.next()
	for ms := range uint64(2) { // when the second comes, all connections were looked at for the first
		h.SignalUser("u_eve", grown(ms+1))
		other.untilSignal(chat.Grown)
	}
	log.post("a", "after")
	if got := c.untilLine("after"); len(got) > 0 {
		t.Errorf("another user gets %q", got)
	}
}

// What comes while a stream is opened is not lost, at whatever moment: the hook
// runs when the reader is there and its connection not adopted.
func TestSignalOfAUserIsNotLostWhileAStreamOpens(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		h := newHub(t, log)
		base := serveWho(t, h, k, func(user string) bool { h.SignalUser(user, grown(7)); return true })
		c := newClient(t, base, "a")
		c.user = "u_eve"
		c.connect(t.Context())
		if got := c.untilSignal(chat.Grown); got[0] != `{"kind":"inbox","id":"7-0"}` {
			t.Errorf("it gets %q", got)
		}
	})
}

// A stream whose socket is full is in the middle of a frame: the signal comes
// after that frame, whole.
func TestSignalOfAUserWaitsForAFullSocket(t *testing.T) {
	testenv.NeedLinux(t, "adopted connections")
	log := newFakeLog()
	h := newHub(t, log)
	c := newClient(t, serve(t, h, adopted), "a")
	c.user = "u_eve"
	c.connect(t.Context())
	c.next()
	text := strings.Repeat("x", 4000)
	for i := range 200 { // within the ring, and more than its socket takes
		log.post("a", fmt.Sprint(i, text))
	}
	testenv.Await(t, "the lines are sent", 5*time.Second, func() bool { return h.Stats().Sweeps > 0 })
	for ms := range uint64(3) {
		h.SignalUser("u_eve", grown(ms+1))
	}
	log.post("a", "last")
	if signals := c.untilLine("last"); !slices.Contains(signals, `{"kind":"inbox","id":"3-0"}`) {
		if more := c.untilSignal(chat.Grown); !slices.Contains(more, `{"kind":"inbox","id":"3-0"}`) {
			t.Errorf("it gets %q, then %q", signals, more)
		}
	}
	if n := h.Stats().Ends[hub.Stalled]; n > 0 {
		t.Errorf("%d streams were dropped", n)
	}
}
