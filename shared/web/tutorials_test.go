package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/sse"

	"github.com/coder/websocket"
)

// A pupil is the page of a tutorial: a browser with cookies, and no header
// that a tutorial does not set.
type pupil struct {
	*http.Client
	tb  testing.TB
	url string
}

func (l *liveServer) pupil(tb testing.TB, name string) *pupil {
	tb.Helper()
	jar, _ := cookiejar.New(nil)
	p := &pupil{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, tb, l.URL}
	if code := p.form("/login", "user", name); code != 303 {
		tb.Fatalf("login of %s: %d", name, code)
	}
	return p
}

func (p *pupil) form(path, field, value string) int {
	p.tb.Helper()
	res, err := p.PostForm(p.url+path, url.Values{field: {value}})
	if err != nil {
		p.tb.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// source returns what an EventSource's onmessage is given.
func (p *pupil) source(path string) <-chan string {
	p.tb.Helper()
	req, _ := http.NewRequestWithContext(p.tb.Context(), "GET", p.url+path, nil)
	req.Header.Set("Accept", "text/event-stream")
	res, err := p.Do(req)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		p.tb.Fatal(res, err)
	}
	messages := make(chan string, 100)
	frames := sse.NewScanner(res.Body)
	if !frames.Scan() || frames.Event().Type != "open" {
		p.tb.Fatalf("began with %q, %v", frames.Event(), frames.Err())
	}
	go func() {
		defer res.Body.Close()
		for frames.Scan() {
			if frames.Event().Type == sse.Message {
				messages <- frames.Event().Data
			}
		}
	}()
	return messages
}

var plainLine = regexp.MustCompile(`^\[\d\d:\d\d:\d\d\] (\w+): (.*)$`)

// said fails unless the next message is a plain line of who and what.
func (p *pupil) said(messages <-chan string, who, what string) {
	p.tb.Helper()
	line := next(p.tb, messages)
	if m := plainLine.FindStringSubmatch(line); m == nil || m[1] != who || m[2] != what {
		p.tb.Errorf("got %q, want what %s said: %s", line, who, what)
	}
}

func TestTutorialFlaskAndSSE(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := l.pupil(t, "ann")
	if res, err := ann.Get(l.URL + "/login"); err != nil || res.StatusCode != 200 && res.StatusCode != 303 {
		t.Error(res, err)
	}
	messages, plain := ann.source("/stream"), ann.source("/stream?format=text")
	if code := ann.form("/post", "message", "hi"); code != 204 {
		t.Errorf("post: %d, want 204", code)
	}
	if got := next(t, messages); !strings.Contains(got, `"text":"hi"`) {
		t.Errorf("onmessage was given %s", got)
	}
	ann.said(plain, "ann", "hi")
}

func TestTutorialFourLineEventSource(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	messages := l.pupil(t, "ann").source("/stream")
	room := l.pupil(t, "bob")
	if res, err := room.Post(l.URL+"/r/lobby", "text/plain", strings.NewReader("hello")); err != nil || res.StatusCode != 201 {
		t.Fatal(res, err)
	}
	if got := next(t, messages); !strings.Contains(got, `"text":"hello"`) {
		t.Errorf("onmessage was given %s", got)
	}
}

func TestTutorialStoredHistory(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := l.pupil(t, "ann")
	for _, body := range []struct{ kind, text string }{
		{"application/x-www-form-urlencoded", "message=one"},
		{"application/json", `{"message":"two"}`},
		{"text/plain", "three"},
	} {
		res, err := ann.Post(l.URL+"/publish", body.kind, strings.NewReader(body.text))
		if err != nil || res.StatusCode != 204 && res.StatusCode != 201 {
			t.Fatal(body.kind, res, err)
		}
	}
	for _, path := range []string{"/subscribe", "/event_stream"} {
		messages := ann.source(path)
		for _, text := range []string{"one", "two", "three"} {
			ann.said(messages, "ann", text)
		}
		ann.form("/publish", "message", "more")
		for range strings.Count(path, "_") + 1 {
			ann.said(messages, "ann", "more")
		}
	}
}

// pair are the sockets of two people in a tutorial's chat.
func (l *liveServer) pair(t *testing.T) (ann, bob *websocket.Conn) {
	t.Helper()
	var socks []*websocket.Conn
	for _, name := range []string{"ann", "bob"} {
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+"/ws/send", &websocket.DialOptions{HTTPClient: l.pupil(t, name).Client})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		socks = append(socks, conn)
	}
	return socks[0], socks[1]
}

// gets reports a frame that is not a line which ends with want.
func gets(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, frame, err := conn.Read(ctx)
	if err != nil || !strings.HasSuffix(string(frame), want) || !plainLine.Match(frame) {
		t.Errorf("got %q %v, want %q", frame, err, want)
	}
}

func TestTutorialWebSocketChat(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := l.pair(t)
	send(t, ann, "hi")
	send(t, ann, "all")
	for _, conn := range []*websocket.Conn{ann, bob} {
		gets(t, conn, "ann: hi")
		gets(t, conn, "ann: all")
	}
	send(t, bob, "  ")
	if _, frame, err := bob.Read(t.Context()); err != nil || string(frame) != "* The text is empty." {
		t.Errorf("got %q %v", frame, err)
	}
	if res, err := http.Get(l.URL + "/ws/send"); err != nil || res.StatusCode != 426 {
		t.Error(res, err)
	}
}

// A page that sends JSON parses what it gets: JSON, and the text form stays with
// those who send text.
func TestTutorialSocketAnswersInTheFormItWasSpokenTo(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := l.pair(t)
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		if err := ann.Write(t.Context(), kind, []byte(`{"user":"bob","username":"bob","message":"it was me"}`)); err != nil {
			t.Fatal(err)
		}
		if got := readTutorial(t, ann); got.User != "ann" || got.Text != "it was me" || got.Kind != chat.Message {
			t.Errorf("the client that sent JSON got %+v", got)
		}
		gets(t, bob, "ann: it was me")
	}
	send(t, ann, `{"text":" "}`)
	if got := readTutorial(t, ann); got.Kind != "problem" || got.User != "*" || got.Text != "The text is empty." {
		t.Errorf("a refusal came as %+v", got)
	}
	send(t, ann, "as text again")
	gets(t, ann, "ann: as text again")
}

type tutorialFrame struct {
	User, Text string
	Kind       chat.Kind
}

func readTutorial(t *testing.T, conn *websocket.Conn) (f tutorialFrame) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, frame, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		t.Errorf("%q is no JSON: %v", frame, err)
	}
	return f
}

// No text can begin a line, an id or an event of its own in a plain stream.
func TestPlainTextCannotForgeAFrame(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	if _, _, err := l.store.Append(t.Context(), chat.Event{Room: "lobby", Kind: chat.Message, By: identity.NewUser("Eve"), Text: "a\nid: 9-9\n\nevent: reset\ndata: [00:00:00] ann: no"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := get(ctx, l.URL+"/stream?format=text&last_event_id=0-0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	for in := bufio.NewReader(res.Body); strings.Count(b.String(), "\n\n") < 2; {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		b.WriteString(line)
	}
	_, frame, _ := strings.Cut(b.String(), "\n\n")
	for line := range strings.Lines(strings.TrimSuffix(frame, "\n")) {
		if !strings.HasPrefix(line, "data: ") && !regexp.MustCompile(`^id: \d{13}-\d+\n$`).MatchString(line) {
			t.Errorf("forged %q", line)
		}
	}
}

// What .github/docs/clients.md says of how Confab differs from most tutorials.
func TestDifferencesFromTutorialsAreAsDocumented(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	stranger := &pupil{http.DefaultClient, t, l.URL}
	ann := l.pupil(t, "ann") // whose login was answered with 303
	for _, path := range []string{"/post", "/publish", "/r/lobby"} {
		if code := stranger.form(path, "message", "hi"); code != http.StatusUnauthorized {
			t.Errorf("%s without a name: %d, want 401", path, code)
		}
		for _, text := range []string{"", " ", strings.Repeat("x", chat.MaxText+1)} {
			if code := ann.form(path, "message", text); code != http.StatusUnprocessableEntity {
				t.Errorf("%s of %d characters: %d, want 422", path, len(text), code)
			}
		}
	}
	messages := ann.source("/subscribe")
	for _, field := range []string{"user", "username"} {
		res, err := ann.Post(l.URL+"/publish", "application/json", strings.NewReader(`{"`+field+`":"bob","message":"as `+field+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		ann.said(messages, "ann", "as "+field)
	}
}
