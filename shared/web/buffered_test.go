package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"confab/shared/sse"
	"confab/shared/web"
)

// ways are the transports that GET /login names behind h.
func ways(t *testing.T, h http.Handler) []string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/login", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var session struct{ Transports []string }
	if err := json.Unmarshal(w.Body.Bytes(), &session); err != nil {
		t.Fatal(err)
	}
	return session.Transports
}

func TestLoginNamesTheTransportsThatThereAre(t *testing.T) {
	all, function := []string{"sse", "websocket", "longpoll"}, []string{"sse", "longpoll"}
	container := open(t, func(c *web.Config) { c.Sockets = true })
	for name, tt := range map[string]struct {
		h    http.Handler
		want []string
	}{
		"a function":                         {open(t, nil).Handler, function},
		"a function beside a container":      {container.Handler, all},
		"a function whose answers are whole": {web.Buffered(open(t, nil).Handler), []string{"longpoll"}},
	} {
		if got := ways(t, tt.h); !slices.Equal(got, tt.want) {
			t.Errorf("%s names %q, want %q", name, got, tt.want)
		}
	}
	l := live(t, nil)
	res, err := http.Get(l.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	if got := decode[struct{ Transports []string }](t, res).Transports; !slices.Equal(got, all) {
		t.Errorf("a server names %q, want %q", got, all)
	}
}

// buffered asks for a stream behind a front door that waits for whole answers,
// and gives the answer's last id and how long it took.
func (l *liveServer) buffered(t *testing.T, path, accept, cursor string) (id string, took time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
	r.Header.Set("Accept", accept)
	if cursor != "" {
		r.Header.Set("Last-Event-ID", cursor)
	}
	w, begun := httptest.NewRecorder(), time.Now()
	web.Buffered(l.Config.Handler).ServeHTTP(w, r)
	frames := sse.NewScanner(w.Body)
	for frames.Scan() {
	}
	return frames.LastID(), time.Since(begun)
}

// A page has to see soon that the server is there. Only a reader that came back
// may be held, and not for longer than a stream may live.
func TestFirstBufferedAnswerComesAtOnce(t *testing.T) {
	t.Parallel()
	const lives = 2 * time.Second
	l := live(t, func(c *web.Config) { c.StreamFor = lives })
	l.say(t.Context(), t, "lobby", 1)
	id, took := l.buffered(t, "/stream", "text/event-stream", "")
	if id == "" || took >= lives {
		t.Fatalf("the first answer, with id %q, took %s", id, took)
	}
	for _, tt := range []struct{ path, accept string }{
		{"/stream", "text/event-stream"},
		{"/stream?wait=20&after=" + id, "application/json"},
	} {
		if _, took := l.buffered(t, tt.path, tt.accept, id); took < lives || took > 5*lives { // 20 s is what it would be
			t.Errorf("%s as %s: the next answer took %s, want %s", tt.path, tt.accept, took, lives)
		}
	}
}
