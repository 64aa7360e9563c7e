package web_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"confab/shared/chat"
	"confab/shared/sse"

	"github.com/coder/websocket"
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
	frames := sse.NewScanner(res.Body)
	for frames.Scan() {
		if frames.Event().Type == sse.Message {
			see(textOf(frames.Event().Data))
		}
		cursor = cmp.Or(frames.LastID(), cursor)
	}
	return cursor, cmp.Or(frames.Err(), io.EOF)
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
	var batch []chat.Event
	for frames := sse.NewScanner(res.Body); frames.Scan(); {
		var control struct{ StreamNextOffset string }
		data := []byte(frames.Event().Data)
		switch {
		case frames.Event().Type == "data":
			if err := json.Unmarshal(data, &batch); err != nil {
				return offset, err
			}
		case json.Unmarshal(data, &control) == nil:
			for _, ev := range batch {
				see(ev.Text)
			}
			offset, batch = control.StreamNextOffset, nil
		}
	}
	return offset, io.EOF
}
