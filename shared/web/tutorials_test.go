package web_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

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

func TestTutorialWebSocketChat(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	var socks []*websocket.Conn
	for _, name := range []string{"ann", "bob"} {
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(l.URL, "http")+"/ws/send", &websocket.DialOptions{HTTPClient: l.pupil(t, name).Client})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		socks = append(socks, conn)
	}
	send(t, socks[0], "hi")
	send(t, socks[0], `{"user":"bob","username":"bob","message":"it was me"}`)
	for _, conn := range socks {
		for _, want := range []string{"ann: hi", "ann: it was me"} {
			_, frame, err := conn.Read(t.Context())
			if err != nil || !strings.HasSuffix(string(frame), want) || !plainLine.Match(frame) {
				t.Errorf("got %q %v, want %q", frame, err, want)
			}
		}
	}
	send(t, socks[1], "  ")
	if _, frame, err := socks[1].Read(t.Context()); err != nil || string(frame) != "* The text is empty." {
		t.Errorf("got %q %v", frame, err)
	}
	if res, err := http.Get(l.URL + "/ws/send"); err != nil || res.StatusCode != 426 {
		t.Error(res, err)
	}
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
