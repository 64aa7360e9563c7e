package hub_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// A client reads SSE over HTTP, remembers its cursor and what it saw.
type client struct {
	tb     testing.TB
	base   string
	rooms  []chat.RoomID
	cursor string
	seen   map[chat.RoomID][]string
	resets int
	body   io.ReadCloser
	lines  *bufio.Scanner
}

func (c *client) connect(ctx context.Context) {
	c.tb.Helper()
	q := url.Values{"cursor": {c.cursor}}
	for _, room := range c.rooms {
		q.Add("room", string(room))
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", c.base+"?"+q.Encode(), nil)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	if resp.StatusCode != 200 {
		c.tb.Fatal(resp.Status)
	}
	c.body, c.lines = resp.Body, bufio.NewScanner(resp.Body)
	c.lines.Buffer(nil, 1<<20)
}

// next reads one whole block and takes it in. False is the end.
func (c *client) next() bool {
	id, kind, data := "", "message", ""
	for c.lines.Scan() {
		name, value, _ := strings.Cut(c.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			if id != "" {
				c.cursor = id
			}
			c.take(kind, data)
			return true
		}
	}
	return false
}

func (c *client) take(kind, data string) {
	var ev chat.Event
	if data == "" {
		return
	}
	if err := json.Unmarshal([]byte(data), &ev); err != nil {
		c.tb.Errorf("frame %q: %v", data, err)
	}
	switch kind {
	case "message":
		c.seen[ev.Room] = append(c.seen[ev.Room], ev.Text)
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

func both(t *testing.T, f func(t *testing.T, k kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

// numbers are "0" … "n-1".
func numbers(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprint(i)
	}
	return s
}

func TestReaderSeesEachLineOnceHoweverOftenItIsCut(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		const lines, readers = 1500, 8
		tp := newTape()
		h := newHub(t, tp)
		base := serve(t, h, k.take)
		rooms := []chat.RoomID{"a", "b", "c"}
		for _, room := range rooms {
			tp.say(room, "0")
		}
		var wg sync.WaitGroup
		for i := range readers {
			mine := rooms[:1+i%3]
			wg.Go(func() {
				c := newClient(t, base, mine...)
				c.cursor = strings.TrimSuffix(strings.Repeat("0-0,", len(mine)), ",")
				c.readTo(lines, rand.New(rand.NewPCG(uint64(i), 7)))
				for _, room := range mine {
					if !slices.Equal(c.seen[room], numbers(lines)) {
						t.Errorf("reader %d of %v saw %d lines of %s, resets %d", i, mine, len(c.seen[room]), room, c.resets)
					}
				}
			})
		}
		for i := 1; i < lines; i++ {
			for _, room := range rooms {
				tp.say(room, fmt.Sprint(i))
			}
			if i%50 == 0 {
				time.Sleep(time.Millisecond) // lets readers come between, nothing depends on it
			}
		}
		wg.Wait()
	})
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

func TestCursorThatTheLogDoesNotContinueIsReset(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		for i := range 1000 {
			tp.say("a", fmt.Sprint(i))
		}
		tp.cut("a", 500)
		h := newHub(t, tp)
		base := serve(t, h, k.take)
		for _, cursor := range []string{"nonsense", "1", "1-0,2-0", "-", "2000-0", "999999999999-0", "700500-0", "18446744073709551616-0"} {
			c := newClient(t, base, "a")
			c.cursor = cursor
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			c.connect(ctx)
			for len(c.seen["a"]) < 50 && c.next() {
			}
			if c.resets != 1 || !slices.Equal(c.seen["a"], numbers(1000)[950:]) || c.cursor != "1000000-0" {
				t.Errorf("cursor %q: %d resets, %d lines, then at %s", cursor, c.resets, len(c.seen["a"]), c.cursor)
			}
			c.body.Close()
			cancel()
		}
	})
}

func TestFlushedLogIsOneResetThenTheTruth(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		h := newHub(t, tp)
		base := serve(t, h, k.take)
		c := newClient(t, base, "a", "b")
		c.connect(t.Context())
		c.next() // the opening
		tp.say("a", "old")
		tp.say("b", "stays")
		c.next()
		c.next()
		tp.flush("a")
		for c.resets == 0 && c.next() {
		}
		tp.say("a", "new")
		for len(c.seen["a"]) == 0 && c.next() {
		}
		if c.resets != 1 || !slices.Equal(c.seen["a"], []string{"new"}) || !slices.Equal(c.seen["b"], []string{"stays"}) {
			t.Errorf("%d resets, a %v, b %v", c.resets, c.seen["a"], c.seen["b"])
		}
		c.body.Close()
	})
}

// The log is read for the page after a reset, and the bell tells as well.
func TestPageAfterAResetGoesOnWithoutGapOrRepeat(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		for _, heard := range []string{"after the page was read", "before", "before, and more than a room keeps"} {
			t.Run(heard, func(t *testing.T) {
				tp := newTape()
				h := newHub(t, tp)
				c := newClient(t, serve(t, h, k.take), "a")
				c.connect(t.Context())
				defer c.body.Close()
				c.next() // the opening
				n := 3
				held := tp.hold()
				tell := tp.flush("a", numbers(n)...)
				<-held // the page was read
				if heard != "after the page was read" {
					tell()
				}
				if heard == "before, and more than a room keeps" {
					for ; n < 100; n++ {
						tp.say("a", fmt.Sprintf("%03000d", n))
					}
				}
				held <- struct{}{}
				for c.resets == 0 && c.next() {
				}
				if heard == "after the page was read" {
					tell()
				}
				tp.say("a", fmt.Sprint(n))
				for !slices.Contains(c.seen["a"], fmt.Sprint(n)) && c.next() {
				}
				if seen := c.seen["a"]; c.resets != 1 || len(seen) < 4 || !endsWhole(seen, n+1) {
					t.Errorf("%d resets, then not the end of %d lines: %v", c.resets, n+1, short(seen))
				}
			})
		}
	})
}

// Listeners hear late, the log is slow and is flushed now and then, and readers
// come and go: what one is shown after its last reset is the end of what was
// said, without gap or repeat.
func TestReadersSeeTheTruthWhateverTheLogDoes(t *testing.T) {
	rooms := []chat.RoomID{"a", "b"}
	both(t, func(t *testing.T, k kind) {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				tp := newTape()
				for _, room := range rooms {
					tp.reel(room).late = true
				}
				base := serve(t, newHub(t, tp), k.take)
				const lines = 400
				said := make(chan struct{})
				var wg sync.WaitGroup
				wg.Go(func() {
					defer close(said)
					rnd := rand.New(rand.NewPCG(seed, 1))
					for n := range lines {
						for _, room := range rooms {
							if n > 0 && n < lines-10 && rnd.IntN(60) == 0 {
								tp.flush(room)
							}
							tp.say(room, fmt.Sprintf("%0*d", 1+rnd.IntN(2)*3000, n))
						}
						if rnd.IntN(4) == 0 {
							time.Sleep(time.Duration(rnd.IntN(1500)) * time.Microsecond)
						}
					}
				})
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, 2))
					for told := false; !told; {
						select {
						case <-said:
							told = !tp.catchUp()
						default:
							for range rnd.IntN(20) {
								tp.catchUp()
							}
							time.Sleep(time.Duration(rnd.IntN(800)) * time.Microsecond)
						}
					}
				})
				for i := range 6 {
					wg.Go(func() {
						c := newClient(t, base, rooms[:1+i%2]...)
						if i > 2 {
							c.cursor = strings.TrimSuffix(strings.Repeat("0-0,", len(c.rooms)), ",")
						}
						rnd := rand.New(rand.NewPCG(seed, uint64(3+i)))
						c.readUntil(rnd, func() bool {
							return !slices.ContainsFunc(c.rooms, func(room chat.RoomID) bool { return c.latest(room) < lines-1 })
						})
						for _, room := range c.rooms {
							if !endsWhole(c.seen[room], lines) {
								t.Errorf("reader %d of %s, %d resets: not the end of %d lines: %v", i, room, c.resets, lines, short(c.seen[room]))
							}
						}
					})
				}
				wg.Wait()
			})
		}
	})
}

// latest is the number of a room's last line, or -1.
func (c *client) latest(room chat.RoomID) int {
	seen := c.seen[room]
	if len(seen) == 0 {
		return -1
	}
	return short(seen[len(seen)-1:])[0]
}

// short has the numbers of lines that may be long with zeros.
func short(lines []string) (at []int) {
	for _, text := range lines {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		at = append(at, n)
	}
	return at
}

// endsWhole reports whether lines are the last of n, without gap or repeat.
func endsWhole(lines []string, n int) bool {
	for i, at := range short(lines) {
		if at != n-len(lines)+i {
			return false
		}
	}
	return true
}

func TestMuchIsSaidWhileARoomIsOpened(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		for i := range 10 {
			tp.say("a", fmt.Sprint(i))
		}
		held := tp.hold()
		go func() {
			<-held                      // the room is heard, and its past was read
			for i := 10; i < 100; i++ { // more than it keeps
				tp.say("a", fmt.Sprintf("%03000d", i))
			}
			held <- struct{}{}
		}()
		c := newClient(t, serve(t, newHub(t, tp), k.take), "a")
		c.cursor = "2000-0"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.connect(ctx)
		defer c.body.Close()
		for len(c.seen["a"]) < 98 && c.next() {
		}
		if seen := c.seen["a"]; c.resets != 0 || len(seen) != 98 || !endsWhole(seen, 100) {
			t.Errorf("%d resets, then not the lines from 2 to 99: %v", c.resets, short(seen))
		}
	})
}

func TestWhatIsSaidWhileAReaderIsResetIsNotMissed(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		base := serve(t, newHub(t, tp), k.take)
		other := newClient(t, base, "a")
		other.connect(t.Context())
		defer other.body.Close()
		other.next() // the room is open
		held := tp.hold()
		go func() {
			<-held // the page was read, and is empty
			tp.say("a", "0")
			for other.next() && len(other.seen["a"]) == 0 { // it is heard
			}
			held <- struct{}{}
		}()
		c := newClient(t, base, "a")
		c.cursor = "nonsense"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.connect(ctx)
		defer c.body.Close()
		for len(c.seen["a"]) == 0 && c.next() {
		}
		if c.resets != 1 || !slices.Equal(c.seen["a"], numbers(1)) {
			t.Errorf("%d resets, then %v", c.resets, c.seen["a"])
		}
	})
}

func TestCrowdThatComesBackReadsTheRingAndNotTheLog(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		const crowd = 300
		tp := newTape()
		for i := range 1000 {
			tp.say("a", fmt.Sprint(i))
		}
		h := newHub(t, tp)
		base := serve(t, h, k.take)
		var wg sync.WaitGroup
		for range crowd {
			wg.Go(func() {
				c := newClient(t, base, "a")
				c.cursor = "900000-0"
				c.connect(t.Context())
				for len(c.seen["a"]) < 100 && c.next() {
				}
				if !slices.Equal(c.seen["a"], numbers(1000)[900:]) {
					t.Errorf("saw %d lines", len(c.seen["a"]))
				}
				c.body.Close()
			})
		}
		wg.Wait()
		if n := tp.reads.Load(); n > 1 {
			t.Errorf("%d reads of the log for one room", n)
		}
	})
}

func TestSlowReaderLagsAlone(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		h := newHub(t, tp)
		base := serve(t, h, k.take)
		slow, quick := newClient(t, base, "a"), newClient(t, base, "a")
		slow.connect(t.Context())
		quick.connect(t.Context())
		quick.next()
		slow.next()
		const lines = 4000
		text := strings.Repeat("x", 4000)
		go func() {
			for i := range lines {
				tp.say("a", fmt.Sprint(i, " ", text))
				if i%20 == 0 {
					time.Sleep(time.Millisecond) // 80 MB/s is enough
				}
			}
		}()
		for n := 0; n < lines; {
			if !quick.next() {
				quick.body.Close() // it fell off the ring too on a loaded machine: it comes back
				quick.connect(t.Context())
			}
			if n = len(quick.seen["a"]); n > 0 && !strings.HasPrefix(quick.seen["a"][n-1], fmt.Sprint(n-1)+" ") {
				t.Fatalf("line %d is %.10s", n-1, quick.seen["a"][n-1])
			}
		}
		got := 0
		for slow.next() {
			got++
		}
		if got == 0 || got >= lines {
			t.Errorf("the slow one read %d blocks before it was sent away", got)
		}
		slow.body.Close()
		quick.body.Close()
	})
}

func TestCloseSaysByeToEverybody(t *testing.T) {
	both(t, func(t *testing.T, k kind) {
		tp := newTape()
		h := hub.New(tp, nil)
		base := serve(t, h, k.take)
		c := newClient(t, base, "a")
		c.connect(t.Context())
		c.next()
		r, err := h.Read(t.Context(), []chat.RoomID{"a"}, "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h.Close(time.Second)
		rest, _ := io.ReadAll(c.body)
		if _, err := r.Next(t.Context()); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Next after Close: %v", err)
		}
		if k.take && !strings.Contains(string(rest), "event: bye\ndata: ") && !strings.Contains(c.lines.Text(), "bye") {
			t.Errorf("the stream ended with %q", rest)
		}
	})
}
