package web_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/coder/websocket"
	"github.com/tmaxmax/go-sse"
)

// A transport is a client's way to read a room. It follows one connection or
// answer, from a cursor on, and returns the cursor after what it saw.
type transport func(ctx context.Context, base, cursor string, see func(text string)) (string, error)

var transports = map[string]transport{
	"SSE by Last-Event-ID": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readSSE(ctx, base+"/stream?room=lobby", http.Header{"Last-Event-ID": {cursor}}, cursor, see)
	},
	"SSE by query": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readSSE(ctx, base+"/r/lobby?last_event_id="+cursor, http.Header{"Accept": {"text/event-stream"}}, cursor, see)
	},
	"text": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readSSE(ctx, base+"/stream?format=text&last_event_id="+cursor, nil, cursor, func(text string) {
			see(text[strings.LastIndexByte(text, ' ')+1:])
		})
	},
	"WebSocket": readSocket,
	"long poll": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readPoll(ctx, base, cursor, "5", see)
	},
	"poll": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readPoll(ctx, base, cursor, "0", see)
	},
	"NDJSON":               readNDJSON,
	"durable by long poll": readDurable,
	"durable by SSE": func(ctx context.Context, base, cursor string, see func(string)) (string, error) {
		return readDurableSSE(ctx, base, cmp.Or(strings.TrimPrefix(cursor, "0-0"), "-1"), see)
	},
}

func get(ctx context.Context, url string, head http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	if head != nil {
		req.Header = head
	}
	res, err := http.DefaultClient.Do(req)
	if err == nil && res.StatusCode >= 300 {
		b, _ := io.ReadAll(res.Body)
		panic(fmt.Sprint(url, " ", res.Status, " ", string(b)))
	}
	return res, err
}

// readSSE does what an EventSource does: an id counts when its block ends.
func readSSE(ctx context.Context, url string, head http.Header, cursor string, see func(string)) (string, error) {
	res, err := get(ctx, url, head)
	if err != nil {
		return cursor, err
	}
	defer res.Body.Close()
	id, data, kind := cursor, "", ""
	in := bufio.NewReader(res.Body)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return cursor, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			cursor = id
			if data != "" && kind == "" {
				see(textOf(data))
			}
			data, kind = "", ""
		}
	}
}

// textOf is a message's text, or a line that is no JSON as it is.
func textOf(data string) string {
	var ev chat.Event
	if json.Unmarshal([]byte(data), &ev) == nil {
		return ev.Text
	}
	return data
}

func readSocket(ctx context.Context, base, cursor string, see func(string)) (string, error) {
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/stream?last_event_id="+cursor, nil)
	if err != nil {
		return cursor, err
	}
	defer conn.CloseNow()
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return cursor, err
		}
		var ev chat.Event
		if json.Unmarshal(frame, &ev) == nil && ev.Kind == chat.Message {
			see(ev.Text)
			cursor = ev.ID.String()
		}
	}
}

func readPoll(ctx context.Context, base, cursor, wait string, see func(string)) (string, error) {
	res, err := get(ctx, base+"/stream?after="+cursor+"&wait="+wait, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return cursor, err
	}
	defer res.Body.Close()
	var out struct {
		Events []chat.Event
		Cursor string
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return cursor, err
	}
	for _, ev := range out.Events {
		if ev.Kind == chat.Message {
			see(ev.Text)
		}
	}
	if wait == "0" {
		time.Sleep(10 * time.Millisecond) // a poll's own pace
	}
	return out.Cursor, nil
}

func readNDJSON(ctx context.Context, base, cursor string, see func(string)) (string, error) {
	res, err := get(ctx, base+"/r/lobby?follow=1&limit=100&after="+cursor, http.Header{"Accept": {"application/x-ndjson"}})
	if err != nil {
		return cursor, err
	}
	defer res.Body.Close()
	for in := json.NewDecoder(res.Body); ; {
		var ev chat.Event
		if err := in.Decode(&ev); err != nil {
			return cursor, err
		}
		if ev.Kind == chat.Message {
			see(ev.Text)
			cursor = ev.ID.String()
		}
	}
}

func readDurable(ctx context.Context, base, offset string, see func(string)) (string, error) {
	if offset == "0-0" {
		offset = "-1"
	}
	res, err := get(ctx, base+"/r/lobby?live=long-poll&offset="+url.QueryEscape(offset), nil)
	if err != nil {
		return offset, err
	}
	defer res.Body.Close()
	var evs []chat.Event
	if res.StatusCode == 200 {
		if err := json.NewDecoder(res.Body).Decode(&evs); err != nil {
			return offset, err
		}
	}
	for _, ev := range evs {
		if ev.Kind == chat.Message {
			see(ev.Text)
		}
	}
	next := res.Header.Get("Stream-Next-Offset")
	if next < offset && offset != "-1" {
		panic("the offset " + next + " sorts before " + offset)
	}
	return next, nil
}

// readDurableSSE takes a batch when the offset that comes after it is there.
func readDurableSSE(ctx context.Context, base, offset string, see func(string)) (string, error) {
	res, err := get(ctx, base+"/r/lobby?live=sse&offset="+offset, nil)
	if err != nil {
		return offset, err
	}
	defer res.Body.Close()
	var kind string
	var batch []chat.Event
	for in := bufio.NewReader(res.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return offset, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		var control struct{ StreamNextOffset string }
		switch {
		case name == "event":
			kind = value
		case name == "data" && kind == "data":
			if err := json.Unmarshal([]byte(value), &batch); err != nil {
				return offset, err
			}
		case name == "data" && json.Unmarshal([]byte(value), &control) == nil:
			for _, ev := range batch {
				see(ev.Text)
			}
			offset, batch = control.StreamNextOffset, nil
		}
	}
}

const manyEvents = 1000

// A onlooker holds what one reader sees to the log's order.
type onlooker struct {
	tb   testing.TB
	name string
	next int
	done chan struct{}
}

func (w *onlooker) see(text string) {
	if want := fmt.Sprint(w.next); text != want && !w.tb.Failed() {
		w.tb.Errorf("%s: saw %s, want %s", w.name, text, want)
	}
	if w.next++; w.next == manyEvents {
		close(w.done)
	}
}

// say writes events down until ctx ends or n are written.
func (l *liveServer) say(ctx context.Context, tb testing.TB, room chat.RoomID, n int) {
	ann := identity.NewUser("Ann")
	for i := 0; i < n && ctx.Err() == nil; i++ {
		_, _, err := l.store.Append(ctx, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: fmt.Sprint(i)})
		if err != nil && ctx.Err() == nil {
			tb.Error(err)
			return
		}
	}
}

func TestEveryTransportGivesEachEventOnceThroughCuts(t *testing.T) {
	l := live(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all []*onlooker
	var cutters []*cutter
	var wg sync.WaitGroup
	start := func(name string, read func(ctx context.Context, base string, see func(string))) {
		for range 2 {
			w := &onlooker{tb: t, name: name, done: make(chan struct{})}
			c := cutEvery(t, l.URL, 50)
			if name == "text" {
				c.mark = "data: ["
			}
			all, cutters = append(all, w), append(cutters, c)
			wg.Go(func() { read(ctx, c.URL, w.see) })
		}
	}
	for name, tr := range transports {
		start(name, func(ctx context.Context, base string, see func(string)) {
			for cursor := "0-0"; ctx.Err() == nil; {
				cursor, _ = tr(ctx, base, cursor, see)
			}
		})
	}
	start("go-sse", readGoSSE)
	l.say(ctx, t, "lobby", manyEvents)
	for i, w := range all {
		select {
		case <-w.done:
			t.Logf("%s: %d events through %d cuts", w.name, manyEvents, cutters[i].cuts)
			if cutters[i].cuts < 5 {
				t.Errorf("%s was cut %d times only", w.name, cutters[i].cuts)
			}
		case <-ctx.Done():
			t.Errorf("%s: did not see all in time", w.name)
		}
	}
	cancel()
	wg.Wait()
}

// readGoSSE is a client that others wrote: it comes back by itself.
func readGoSSE(ctx context.Context, base string, see func(string)) {
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/stream?last_event_id=0-0", nil)
	if err != nil {
		panic(err)
	}
	conn := sse.NewConnection(req)
	conn.SubscribeMessages(func(ev sse.Event) {
		if ev.Data != "" { // it tells of blocks that have an id alone, which a browser does not
			see(textOf(ev.Data))
		}
	})
	_ = conn.Connect()
}

func TestThreeRoomsCutAtRandomLoseNothing(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rooms := []chat.RoomID{"a", "b", "c"}
	c := &cutter{}
	left := 1 + rand.IntN(3000)
	c.cut = func(sent []byte) (int, bool) { // anywhere, as a network does
		if left -= len(sent); left > 0 {
			return len(sent), false
		}
		keep := len(sent) + left
		left = 1 + rand.IntN(3000)
		c.cuts++
		return keep, true
	}
	c.start(t, l.URL)
	cuts := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.cuts }

	posting, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; posting.Err() == nil; i++ {
			l.say(posting, t, rooms[rand.IntN(3)], 1)
		}
	})
	seen := map[chat.RoomID][]chat.ID{}
	cursor := "0-0,0-0,0-0"
	for cuts() < 100 && ctx.Err() == nil {
		cursor = readRooms(ctx, t, c.URL, cursor, seen, nil)
	}
	stop()
	wg.Wait()
	ends := map[chat.RoomID]chat.ID{}
	for _, room := range rooms {
		ids, err := l.store.Last(ctx, room)
		if err != nil {
			t.Fatal(err)
		}
		ends[room] = ids[0]
	}
	readRooms(ctx, t, l.URL, cursor, seen, ends)
	total := 0
	for _, room := range rooms {
		evs, err := l.store.Since(ctx, room, chat.ID{}, 100000)
		if err != nil {
			t.Fatal(err)
		}
		var want []chat.ID
		for _, ev := range evs {
			want = append(want, ev.ID)
		}
		total += len(want)
		if !slices.Equal(seen[room], want) {
			t.Errorf("room %s: saw %d events, the log has %d", room, len(seen[room]), len(want))
		}
	}
	t.Logf("%d events of 3 rooms through %d cuts", total, cuts())
}

// readRooms adds what one stream gives, until it breaks or every room's end
// is reached.
func readRooms(ctx context.Context, tb testing.TB, base, cursor string, seen map[chat.RoomID][]chat.ID, ends map[chat.RoomID]chat.ID) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reached := func() bool {
		for room, end := range ends {
			if ids := seen[room]; len(ids) == 0 || ids[len(ids)-1] != end {
				return false
			}
		}
		return ends != nil
	}
	if reached() {
		return cursor
	}
	res, err := get(ctx, base+"/stream?room=c&room=a&room=b", http.Header{"Last-Event-ID": {cursor}})
	if err != nil {
		return cursor
	}
	defer res.Body.Close()
	id := cursor
	for in := bufio.NewReader(res.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return cursor
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		var ev chat.Event
		switch name {
		case "id":
			id = value
		case "":
			cursor = id
		case "data":
			if json.Unmarshal([]byte(value), &ev) == nil && ev.Kind == chat.Message {
				if blank, err := in.Peek(1); err != nil || blank[0] != '\n' {
					return cursor // its block did not end: it counts for nothing
				}
				if ids := seen[ev.Room]; len(ids) > 0 && ev.Prev != ids[len(ids)-1] {
					tb.Errorf("%s after %s in %s", ev.ID, ids[len(ids)-1], ev.Room)
				}
				seen[ev.Room] = append(seen[ev.Room], ev.ID)
				cursor = id
				if reached() {
					return cursor
				}
			}
		}
	}
}
