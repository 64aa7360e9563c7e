package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeLog is a log in memory. It delivers each event to its listeners in the
// same call, as the store's subscription does from its goroutine.
type fakeLog struct {
	mu    sync.Mutex
	rooms map[chat.RoomID]*roomLog
	held  chan struct{} // if set, Before sends when it has read, and answers when it has received
	reads atomic.Int64  // of the log
	bans  int           // in each room, as its facts say
}

type roomLog struct {
	events    []chat.Event
	last      chat.ID
	clock     uint64 // of ids
	listeners map[int]chat.Listener
	n         int

	late        bool // listeners are called by catchUp alone,
	undelivered []chat.Event
	broke       bool // of a flush first
}

func newFakeLog() *fakeLog { return &fakeLog{rooms: map[chat.RoomID]*roomLog{}} }

func (t *fakeLog) roomLog(room chat.RoomID) *roomLog {
	if t.rooms[room] == nil {
		t.rooms[room] = &roomLog{listeners: map[int]chat.Listener{}}
	}
	return t.rooms[room]
}

// post appends a message. Ids are a thousand apart, so that there are ids that
// were never given.
func (t *fakeLog) post(room chat.RoomID, text string) chat.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	ev := t.roomLog(room).write(room, text)
	t.roomLog(room).deliver(ev)
	return ev
}

func (r *roomLog) write(room chat.RoomID, text string) chat.Event {
	return r.append(chat.Event{Room: room, Kind: chat.Message, Text: text})
}

// happen appends any other event.
func (t *fakeLog) happen(ev chat.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.roomLog(ev.Room)
	r.deliver(r.append(ev))
}

func (r *roomLog) append(ev chat.Event) chat.Event {
	r.clock += 1000
	ev.Prev, ev.ID = r.last, chat.ID{MS: r.clock}
	r.last, r.events = ev.ID, append(r.events, ev)
	return ev
}

// edit replaces a message's text, remove deletes it. The log then has neither
// the old text nor earlier edits.
func (t *fakeLog) edit(room chat.RoomID, target chat.ID, text string) {
	t.rewrite(chat.Event{Room: room, Kind: chat.Edit, Target: target, Text: text})
}

func (t *fakeLog) remove(room chat.RoomID, target chat.ID) {
	t.rewrite(chat.Event{Room: room, Kind: chat.Delete, Target: target})
}

func (t *fakeLog) rewrite(ev chat.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.roomLog(ev.Room)
	r.events = slices.DeleteFunc(r.events, func(old chat.Event) bool {
		return old.Target == ev.Target || old.ID == ev.Target && ev.Kind == chat.Delete
	})
	for i := range r.events {
		if r.events[i].ID == ev.Target {
			r.events[i].Text = ev.Text
		}
	}
	r.deliver(r.append(ev))
}

func (r *roomLog) deliver(ev chat.Event) {
	if r.late {
		r.undelivered = append(r.undelivered, ev)
		return
	}
	for _, l := range r.listeners {
		l.Event(chat.NewLine(ev))
	}
}

// cut drops all but the last n events, as trimming does.
func (t *fakeLog) cut(room chat.RoomID, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.roomLog(room)
	r.events = r.events[len(r.events)-n:]
}

// flush empties the log; it begins anew at later ids. What is posted is in it at
// once, and is delivered by deliver.
func (t *fakeLog) flush(room chat.RoomID, texts ...string) (deliver func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.roomLog(room)
	r.events, r.last, r.broke = nil, chat.ID{}, true
	if !r.late {
		r.catchUp()
	}
	var evs []chat.Event
	for _, text := range texts {
		evs = append(evs, r.write(room, text))
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, ev := range evs {
			r.deliver(ev)
		}
	}
}

// catchUp delivers one thing that was not delivered yet: that the log was
// flushed, or the next event.
func (r *roomLog) catchUp() {
	for _, l := range r.listeners {
		switch {
		case r.broke:
			l.Reset(r.last)
		case len(r.undelivered) > 0:
			l.Event(chat.NewLine(r.undelivered[0]))
		}
	}
	switch {
	case r.broke:
		r.broke, r.undelivered = false, nil
	case len(r.undelivered) > 0:
		r.undelivered = r.undelivered[1:]
	}
}

// catchUp does so for all rooms, and reports whether there was something.
func (t *fakeLog) catchUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	some := false
	for _, r := range t.rooms {
		some = some || r.broke || len(r.undelivered) > 0
		r.catchUp()
	}
	return some
}

// hold makes Before slow.
func (t *fakeLog) hold() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = make(chan struct{})
	return t.held
}

func (t *fakeLog) Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.roomLog(room)
	r.n++
	n := r.n
	r.listeners[n] = l
	r.undelivered, r.broke = nil, false // the test has one listener, if delivery is late
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(r.listeners, n)
	})
	return r.last, nil
}

func (t *fakeLog) Since(_ context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads.Add(1)
	r := t.roomLog(room)
	if after.After(r.last) || (!after.IsZero() && len(r.events) > 0 && r.events[0].Prev.After(after)) {
		return nil, chat.ErrReset
	}
	var evs []chat.Event
	for _, ev := range r.events {
		if ev.ID.After(after) && len(evs) < n {
			evs = append(evs, ev)
		}
	}
	if !after.IsZero() && len(evs) > 0 && after.After(evs[0].Prev) {
		return nil, chat.ErrReset
	}
	return evs, nil
}

func (t *fakeLog) Before(_ context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error) {
	t.mu.Lock()
	held := t.held
	defer func() {
		if t.mu.Unlock(); held != nil {
			held <- struct{}{}
			<-held
		}
	}()
	t.reads.Add(1)
	var evs []chat.Event
	for _, ev := range t.roomLog(room).events {
		if before.IsZero() || before.After(ev.ID) {
			evs = append(evs, ev)
		}
	}
	return evs[max(0, len(evs)-n):], nil
}

func (t *fakeLog) Facts(context.Context, string, ...chat.RoomID) ([]access.Facts, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []access.Facts{{Room: access.Room{Bans: t.bans}}}, nil
}

// A kind of stream: adopted by the hub, or with a goroutine of its own.
type kind struct {
	name  string
	adopt bool
	plain bool // without chunks, as for HTTP/1.0
}

var (
	adopted   = kind{name: "adopted", adopt: true}
	plain     = kind{name: "adopted, plain", adopt: true, plain: true}
	goroutine = kind{name: "goroutine"}
)

// serve answers GET /?room=a&room=b with the hub's bytes, as the kind says.
func serve(tb testing.TB, h *hub.Hub, k kind) string {
	tb.Helper()
	return serveWho(tb, h, k, func(string) bool { return true })
}

// serveWho looks at the rights of the user of the query, as the caller of Read
// has to.
func serveWho(tb testing.TB, h *hub.Hub, k kind, may func(user string) bool) string {
	tb.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var rooms []chat.RoomID
		for _, name := range r.URL.Query()["room"] {
			rooms = append(rooms, chat.RoomID(name))
		}
		reader, err := h.Read(r.Context(), r.URL.Query().Get("user"), chat.Rooms(rooms), r.URL.Query().Get("cursor"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer reader.Close()
		if !may(r.URL.Query().Get("user")) {
			http.Error(w, "you may not read this", http.StatusForbidden)
			return
		}
		if !k.adopt {
			pump(r.Context(), w, reader)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			tb.Error(err)
			return
		}
		seal := func(b []byte) []byte { return b }
		head := "HTTP/1.1 200 OK\r\n\r\n"
		if !k.plain {
			seal = sse.Chunk
			head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		}
		fmt.Fprintf(conn, "%s%s", head, seal(hub.Opening(reader.Open(), time.Second)))
		for !reader.Live() {
			b, err := reader.Next(r.Context())
			if err != nil {
				conn.Close()
				return
			}
			conn.Write(seal(b.AppendSSE(nil)))
		}
		if !reader.Adopt(conn, hub.Adoption{Chunked: !k.plain, Holder: func(user string) bool { return user == r.URL.Query().Get("user") }}) {
			tb.Error("connection was not adopted")
		}
	}))
	tb.Cleanup(srv.Close)
	tb.Cleanup(srv.CloseClientConnections)
	return srv.URL
}

func pump(ctx context.Context, w http.ResponseWriter, reader *hub.Reader) {
	rc := http.NewResponseController(w)
	fmt.Fprintf(w, "%s", hub.Opening(reader.Open(), time.Second))
	rc.Flush()
	for {
		b, err := reader.Next(ctx)
		if err == nil {
			_, err = w.Write(b.AppendSSE(nil))
		} else if lost, ok := errors.AsType[hub.Loss](err); ok {
			w.Write(hub.Bye(0, lost))
		}
		if err == nil {
			err = rc.Flush()
		}
		if err != nil {
			return
		}
	}
}

func newHub(tb testing.TB, t *fakeLog) *hub.Hub {
	tb.Helper()
	h := hub.New(t, slog.New(slog.DiscardHandler))
	tb.Cleanup(func() { h.Close(0) })
	return h
}
