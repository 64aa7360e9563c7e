package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"confab/shared/account"
	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/nickname"
	"confab/shared/web"
	"confab/shared/web/compress"
	"confab/shared/web/websocket"
)

var key = bytes.Repeat([]byte("k"), identity.MinKey)

// A tape is rooms in memory that keep what they are told.
type tape struct {
	mu     sync.Mutex
	events map[chat.RoomID][]chat.Event
	titles map[chat.RoomID]string
	keys   map[string]chat.Event
	here   []chat.User
	kept   map[string][]byte // deposits
	freed  []chat.User       // whose names were given away
	owners owners
	passed []chat.Signal
	trim   chat.ID // cursors before it are reset
	err    error   // of every call, if set
	people *people
}

func newTape() *tape {
	return &tape{events: map[chat.RoomID][]chat.Event{}, titles: map[chat.RoomID]string{}, keys: map[string]chat.Event{}}
}

func (t *tape) Append(ctx context.Context, ev chat.Event) (chat.Line, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.fails(ctx); err != nil {
		return chat.Line{}, false, err
	}
	k := string(ev.Room) + " " + ev.By.ID + " " + ev.Key
	if old, ok := t.keys[k]; ok && ev.Key != "" {
		if old.Text != ev.Text {
			return chat.Line{}, false, fmt.Errorf("%w: this key was used for something else", chat.ErrReused)
		}
		return chat.NewLine(old), true, nil
	}
	if !ev.Target.IsZero() {
		if err := t.target(ev); err != nil {
			return chat.Line{}, false, err
		}
	}
	log := t.events[ev.Room]
	ev.ID = chat.ID{MS: 1732130000000 + uint64(len(log))}
	if n := len(log); n > 0 {
		ev.Prev = log[n-1].ID
	}
	if ev.Kind == chat.Title {
		t.titles[ev.Room] = ev.Text
	}
	if i := slices.IndexFunc(log, func(old chat.Event) bool { return old.ID == ev.Target }); ev.Kind == chat.Edit && i >= 0 {
		log[i].Text = ev.Text
	}
	t.events[ev.Room] = append(log, ev)
	t.keys[k] = ev
	return chat.NewLine(ev), false, nil
}

// fails is how each of its calls ends.
func (t *tape) fails(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, ctx.Err())
	}
	return t.err
}

func (t *tape) target(ev chat.Event) error {
	for _, old := range t.events[ev.Room] {
		if old.ID != ev.Target {
			continue
		}
		if old.By.ID != ev.By.ID && ev.Kind != chat.Reaction {
			return fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
		}
		return nil
	}
	return fmt.Errorf("%w: no such message", chat.ErrNotFound)
}

func (t *tape) Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	log := t.events[room]
	if end := len(log); t.trim.After(after) || end > 0 && after.After(log[end-1].ID) {
		return nil, chat.ErrReset
	}
	var evs []chat.Event
	for _, ev := range log {
		if ev.ID.After(after) && len(evs) < n {
			evs = append(evs, ev)
		}
	}
	return evs, t.fails(ctx)
}

func (t *tape) Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var evs []chat.Event
	for _, ev := range t.events[room] {
		if before.IsZero() || before.After(ev.ID) {
			evs = append(evs, ev)
		}
	}
	return evs[max(0, len(evs)-n):], t.fails(ctx)
}

func (t *tape) Rooms(ctx context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(ids) == 0 {
		for id := range t.events {
			ids = append(ids, id)
		}
	}
	var rooms []chat.Room
	for _, id := range ids {
		rm := chat.Room{ID: id, Title: t.titles[id]}
		if n := len(t.events[id]); n > 0 {
			rm.Last = t.events[id][n-1].ID
		}
		rooms = append(rooms, rm)
	}
	return rooms, t.fails(ctx)
}

func (t *tape) Signal(ctx context.Context, sig chat.Signal) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed = append(t.passed, sig)
	return t.fails(ctx)
}

func (t *tape) People(ctx context.Context, _ chat.RoomID) ([]chat.User, error) {
	return t.here, t.fails(ctx)
}

func (t *tape) Here(ctx context.Context, _ string, _ chat.RoomID, _ ...chat.User) ([]chat.User, error) {
	return t.here, t.fails(ctx)
}

func (t *tape) Gone(ctx context.Context, _ string, _ chat.RoomID, _ ...chat.User) error {
	return t.fails(ctx)
}

func (t *tape) Ready(ctx context.Context) error { return t.fails(ctx) }

func (t *tape) Deposit(ctx context.Context, _, key string, value []byte, _ time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil {
		t.kept = map[string][]byte{}
	}
	t.kept[key] = value
	return t.fails(ctx)
}

func (t *tape) Withdraw(ctx context.Context, _, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value := t.kept[key]
	delete(t.kept, key)
	return value, t.fails(ctx)
}

// A house is a server over a tape, and what it logged.
type house struct {
	http.Handler
	tape  *tape
	users *identity.Signer
	log   *bytes.Buffer
}

func open(tb testing.TB, change func(*web.Config)) *house {
	tb.Helper()
	return openWays(tb, web.Ways{}, change)
}

// openWays has more ways to sign in than by a name.
func openWays(tb testing.TB, ways web.Ways, change func(*web.Config)) *house {
	tb.Helper()
	ways.Name, ways.QR, ways.Device = nickname.Parse, account.QR, account.Device
	users, err := identity.New(time.Hour, key)
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{tape: newTape(), users: users, log: &bytes.Buffer{}}
	cfg := web.Config{
		Rooms: h.tape, Users: users, Guests: true, Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Proxies:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Compress: compress.Gzip, Upgrade: websocket.Upgrade, Site: fstest.MapFS{
			"index.html":           {Data: []byte("<!doctype html><title>Confab</title>" + strings.Repeat("<p>", 99))},
			"js/main.js":           {Data: []byte(strings.Repeat("let a = 1\n", 99))},
			"sw.js":                {Data: []byte("1")},
			"icons/icon.svg":       {Data: []byte("<svg/>")},
			"icons/icon.png":       {Data: []byte("\x89PNG")},
			"manifest.webmanifest": {Data: []byte("{}")},
		},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := web.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	h.Handler = s.Handler(web.Login(ways), web.Invites(ways.QR), web.Post, web.Stream, web.Site)
	return h
}

func (h *house) token(tb testing.TB, u chat.User) string {
	tb.Helper()
	token, err := h.users.Token(u)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

var (
	ann = chat.User{ID: "u_ann", Name: "ann"}
	bob = chat.User{ID: "u_bob", Name: "bob"}
)

// An ask is a request. Its head is "Name: value" lines.
type ask struct {
	method, target string
	head           string
	body           string
	as             chat.User // who sends it, if anybody
}

func (h *house) do(tb testing.TB, a ask) *http.Response {
	tb.Helper()
	return h.answer(h.request(tb, a))
}

func (h *house) request(tb testing.TB, a ask) *http.Request {
	tb.Helper()
	r := httptest.NewRequest(a.method, a.target, strings.NewReader(a.body))
	for line := range strings.Lines(a.head) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		r.Header.Add(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	if a.as != (chat.User{}) {
		r.Header.Set("Authorization", "Bearer "+h.token(tb, a.as))
	}
	return r
}

func (h *house) answer(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// say posts a line as JSON and returns its event.
func (h *house) say(tb testing.TB, u chat.User, room, text string) chat.Event {
	tb.Helper()
	res := h.do(tb, ask{"POST", "/r/" + room, asJSON, string(chat.JSON(map[string]string{"text": text})), u})
	if res.StatusCode != http.StatusCreated {
		tb.Fatalf("post %q: %s %s", text, res.Status, read(tb, res))
	}
	return decode[chat.Event](tb, res)
}

const (
	asJSON = "Content-Type: application/json"
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asText = "Content-Type: text/plain; charset=UTF-8"
)

func read(tb testing.TB, res *http.Response) string {
	tb.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func decode[T any](tb testing.TB, res *http.Response) (v T) {
	tb.Helper()
	body := read(tb, res)
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		tb.Fatalf("%v: %s", err, body)
	}
	return v
}

// net/http ends a request's context when its client closes its side, though the
// client may be waiting for the answer.
func TestWhatArrivedWholeIsAnsweredThoughItsSenderClosed(t *testing.T) {
	h := open(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, a := range []ask{
		{"POST", "/login", asForm, "user=carl", nobody},
		{"POST", "/r/ops", "Content-Type: text/plain", "hi", ann},
		{"POST", "/r/ops/typing", "", "", ann},
		{"GET", "/r/ops", "Accept: application/json", "", ann},
		{"GET", "/r/ops/people", "", "", ann},
		{"GET", "/rooms", "", "", ann},
		{"HEAD", "/r/ops", "", "", ann},
	} {
		res := h.answer(h.request(t, a).WithContext(ctx))
		if res.StatusCode >= 400 {
			t.Errorf("%s %s: %s %s", a.method, a.target, res.Status, read(t, res))
		}
	}
	if n := len(h.tape.events["ops"]); n != 1 {
		t.Errorf("%d events were written down", n)
	}
}
