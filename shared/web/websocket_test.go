package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

// head is what a signed-in client sends.
func (l *liveServer) head(tb testing.TB, u chat.User) http.Header {
	tb.Helper()
	h := http.Header{}
	if u.ID != "" {
		token, err := l.users.Token(u)
		if err != nil {
			tb.Fatal(err)
		}
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

func (l *liveServer) dial(tb testing.TB, path string, u chat.User) *websocket.Conn {
	tb.Helper()
	conn, _, err := websocket.Dial(tb.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+path, &websocket.DialOptions{HTTPHeader: l.head(tb, u)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// A frame is any frame that a socket sends.
type frame struct {
	chat.Event
	Key    string
	Rooms  []chat.RoomID
	Cursor string
	Answer chat.Event `json:"event"`
	Status int
	Detail string
}

// hear returns the next frame of a kind.
func hear(tb testing.TB, conn *websocket.Conn, kind chat.Kind) frame {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			tb.Fatalf("no %s: %v", kind, err)
		}
		var f frame
		if err := json.Unmarshal(b, &f); err != nil {
			tb.Fatalf("%v: %s", err, b)
		}
		if f.Kind == kind {
			return f
		}
	}
}

func send(tb testing.TB, conn *websocket.Conn, frame string) {
	tb.Helper()
	if err := conn.Write(tb.Context(), websocket.MessageText, []byte(frame)); err != nil {
		tb.Fatal(err)
	}
}

func TestSocketAnswersTheSenderAndTellsEverybody(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := l.dial(t, "/stream?room=a&room=b", identity.NewUser("Ann")), l.dial(t, "/r/b", identity.NewUser("Bob"))
	if open := hear(t, ann, "open"); len(open.Rooms) != 2 || open.Cursor != "0-0,0-0" {
		t.Errorf("opened with %+v", open)
	}
	hear(t, bob, "open")
	send(t, ann, `{"room":"b","text":"hi","key":"k1"}`)
	said := hear(t, bob, chat.Message)
	if said.Text != "hi" || said.By.Name != "Ann" || said.Room != "b" {
		t.Errorf("bob heard %+v", said)
	}
	send(t, ann, `{"room":"b","text":"hi","key":"k1"}`)
	for range 2 { // the repeat is answered like the first
		if ack := hear(t, ann, "ack"); ack.Key != "k1" || ack.Answer.ID != said.ID {
			t.Errorf("ack %+v", ack)
		}
	}
	send(t, bob, `{"kind":"typing"}`)
	if typing := hear(t, ann, chat.Typing); typing.Room != "b" || typing.By.Name != "Bob" {
		t.Errorf("typing %+v", typing)
	}
	for frame, status := range map[string]int{
		`{"room":"b","text":" "}`:             422,
		`{"room":"B!","text":"x"}`:            422,
		`{"room":"b","text":"x","key":"k 1"}`: 422,
		`[1]`:                                 400,
		`hello`:                               400,
	} {
		send(t, ann, frame)
		if p := hear(t, ann, "problem"); p.Status != status || p.Detail == "" {
			t.Errorf("%s: %d %q, want %d", frame, p.Status, p.Detail, status)
		}
	}
	guest := l.dial(t, "/stream", chat.User{})
	send(t, guest, `{"text":"x"}`)
	if p := hear(t, guest, "problem"); p.Status != 401 {
		t.Errorf("a guest's post: %d, want 401", p.Status)
	}
}

func TestSocketEndsOnWhatNoClientSends(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	for _, tt := range []struct {
		kind  websocket.MessageType
		frame string
		want  websocket.StatusCode
	}{
		{websocket.MessageText, `{"text":"` + strings.Repeat("x", 64<<10) + `"}`, websocket.StatusMessageTooBig},
		{websocket.MessageBinary, "{\"text\":\"\xff\"}", websocket.StatusUnsupportedData},
		{websocket.MessageText, "{\"text\":\"\xff\"}", websocket.StatusUnsupportedData},
	} {
		conn := l.dial(t, "/stream", identity.NewUser("Ann"))
		hear(t, conn, "open")
		if err := conn.Write(t.Context(), tt.kind, []byte(tt.frame)); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		if got := websocket.CloseStatus(err); got != tt.want {
			t.Errorf("%.20q ended by %v, want %v", tt.frame, got, tt.want)
		}
	}
}

func TestBinaryFrameOfJSONIsRead(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	conn := l.dial(t, "/r/b", identity.NewUser("Ann"))
	hear(t, conn, "open")
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"text":"hi","key":"k1"}`)); err != nil {
		t.Fatal(err)
	}
	if ack := hear(t, conn, "ack"); ack.Key != "k1" || ack.Answer.Text != "hi" {
		t.Errorf("answered with %+v", ack)
	}
}

func TestForeignPagesMayNeitherPostNorOpenASocket(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		origin, site, public string
		want                 int // of the socket; a post that passes is 201
	}{
		"none":            {"", "", "", 101},
		"same":            {"http://chat.test", "", "", 101},
		"fetch metadata":  {"http://chat.test", "same-origin", "", 101},
		"other host":      {"http://evil.test", "", "", 403},
		"cross-site":      {"http://evil.test", "cross-site", "", 403},
		"metadata alone":  {"", "cross-site", "", 403},
		"same-site":       {"http://a.chat.test", "same-site", "", 403},
		"null":            {"null", "", "", 403},
		"proxy with TLS":  {"https://public.test", "same-site", "https://public.test", 101},
		"not that public": {"https://public.test.evil.test", "", "https://public.test", 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := live(t, func(c *web.Config) { c.Origin = tt.public })
			ann := identity.NewUser("Ann")
			try := func(method, path string, more ...string) int {
				req, _ := http.NewRequestWithContext(t.Context(), method, l.URL+path, strings.NewReader(`{"text":"x"}`))
				if method == "GET" {
					req.Body, req.ContentLength = nil, 0
				}
				req.Header = l.head(t, ann)
				req.Host = "chat.test"
				if tt.public != "" {
					req.Host = "confab:8080" // as a proxy asks
				}
				for i := 0; i < len(more); i += 2 {
					req.Header.Set(more[i], more[i+1])
				}
				if tt.origin != "" {
					req.Header.Set("Origin", tt.origin)
				}
				if tt.site != "" {
					req.Header.Set("Sec-Fetch-Site", tt.site)
				}
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				return res.StatusCode
			}
			for _, path := range []string{"/stream", "/r/lobby", "/ws/send"} {
				got := try("GET", path, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
				if got != tt.want {
					t.Errorf("socket at %s: %d, want %d", path, got, tt.want)
				}
			}
			want := tt.want
			if want == 101 {
				want = 201
			}
			if got := try("POST", "/r/lobby", "Content-Type", "application/json"); got != want {
				t.Errorf("post: %d, want %d", got, want)
			}
		})
	}
}

func TestFunctionRefusesASocketInWords(t *testing.T) {
	h := open(t, nil)
	r := httptest.NewRequest("GET", "/stream", nil) // without a server, as in a function
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	refused(t, w.Result(), 501, "A function cannot hold a WebSocket")
}

func TestAbandonedReadsFreeTheirGoroutineAndTheirPlace(t *testing.T) {
	l := live(t, func(c *web.Config) { c.StreamsPerUser = 1 })
	ann := identity.NewUser("Ann")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	read := func(ctx context.Context, accept, wait string) int {
		req, _ := http.NewRequestWithContext(ctx, "GET", l.URL+"/stream?wait="+wait, nil)
		req.Header = l.head(t, ann)
		req.Header.Set("Accept", accept)
		res, err := client.Do(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	hear(t, l.dial(t, "/stream", chat.User{}), "open") // the room and the loops for who is here are open now
	before := goleak.IgnoreCurrent()

	for _, accept := range []string{"application/json", "application/x-ndjson", "text/event-stream"} {
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for read(ctx, accept, "25") == 429 { // the probe was quicker
			}
		}()
		for read(t.Context(), "application/json", "0") != 429 { // until it has its place
		}
		leave()
		<-done
	}
	for late := time.Now().Add(10 * time.Second); read(t.Context(), "application/json", "0") == 429; { // the server hears of it a moment later
		if time.Now().After(late) {
			t.Fatal("a place is still taken by who has left")
		}
	}
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+"/stream", &websocket.DialOptions{HTTPHeader: l.head(t, ann)})
	if err != nil {
		t.Fatal(err)
	}
	hear(t, conn, "open")
	_ = conn.CloseNow()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	begun := time.Now()
	conn = l.dial(t, "/stream", ann) // there is a place again
	hear(t, conn, "open")
	t.Logf("the place was free again %v later", time.Since(begun))
}

func TestWaitIsForEverySocket(t *testing.T) {
	l := live(t, nil)
	conn := l.dial(t, "/stream", ann)
	wait := func(limit time.Duration) (late bool) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		l.web.Wait(ctx)
		return ctx.Err() != nil
	}
	if !wait(20 * time.Millisecond) {
		t.Error("a socket was open, and nobody waited for it")
	}
	_ = conn.CloseNow()
	if wait(10 * time.Second) {
		t.Error("the socket was closed, and is waited for")
	}
}
