package page_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// Who reads an empty room is before its first line, and goes on from there: a
// reset would have it begin anew for nothing.
func TestReaderOfAnEmptyRoomComesBackWithoutAReset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		redis bool
		rooms []string
		lines int
		kill  bool // the server dies meanwhile
	}{
		{"one room", false, []string{"empty"}, 3, false},
		{"more lines than are remembered", false, []string{"empty"}, 400, false},
		{"a server that died", false, []string{"empty"}, 3, true},
		{"several rooms", false, []string{"another", "empty", "third"}, 3, false},
		{"redis", true, []string{"empty"}, 3, false},
		{"redis, several rooms", true, []string{"another", "empty", "third"}, 400, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := []string{"POSTS_PER_SECOND=0", "POST_BURST=0"}
			if tt.redis {
				env = append(env, "REDIS_URL="+redistest.Start(t))
			}
			s := process.Start(t, env...)
			p := network.StartProxy(t, s.URL)
			bob := s.Login("bob")
			nothing := strings.TrimSuffix(strings.Repeat("0-0,", len(tt.rooms)), ",")
			r := process.Follow(t.Context(), func() string { return "http://" + p.Addr }, nothing, tt.rooms...)
			open := -1 // it looks once, and then when something came
			r.Await(t, "the stream", func([]process.Event) bool { open++; return open > 0 })
			p.Part(true)
			if tt.kill {
				s.Kill()
				s.Restart()
			}
			for i := range tt.lines {
				if _, _, err := s.Post(bob, "empty", fmt.Sprint("line ", i), ""); err != nil {
					t.Fatal(err)
				}
			}
			p.Part(false)
			seen := r.Await(t, "the lines", process.AtLeast(tt.lines))
			r.Mu.Lock()
			defer r.Mu.Unlock()
			if len(seen) != tt.lines || r.Resets > 0 {
				t.Errorf("%d lines and %d resets, want %d and none", len(seen), r.Resets, tt.lines)
			}
		})
	}
}

// The page in an empty room asks for what comes after nothing, too.
func TestPageInAnEmptyRoomGoesOnWithoutAReset(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	heard := &recorder{}
	target, _ := url.Parse(s.URL)
	passing := httputil.NewSingleHostReverseProxy(target)
	passing.FlushInterval = -1
	passing.ModifyResponse = func(r *http.Response) error {
		if r.Header.Get("Content-Type") == "text/event-stream" {
			r.Body = heard.of(r)
		}
		return nil
	}
	front := httptest.NewServer(passing)
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections)
	p := network.StartProxy(t, front.URL)
	ann, bob := visit(t, "http://"+p.Addr+"/r/empty").join("ann"), s.Login("bob")
	ann.offline(true)
	p.Part(true)
	want := numbered("while away", 3)
	for _, text := range want {
		if _, _, err := s.Post(bob, "empty", text, ""); err != nil {
			t.Fatal(err)
		}
	}
	p.Part(false)
	ann.offline(false)
	ann.shows("what was said meanwhile", want)
	places, bytes := heard.all()
	if len(places) < 2 || places[1] != "0-0" || strings.Contains(bytes, "event: reset") {
		t.Errorf("the page read from %q on, and heard %q", places, bytes)
	}
}

// A recorder keeps what event streams said, and from where they were asked.
type recorder struct {
	mu     sync.Mutex
	places []string
	bytes  strings.Builder
}

func (r *recorder) of(resp *http.Response) io.ReadCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places = append(r.places, resp.Request.URL.Query().Get("last_event_id"))
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, r), resp.Body}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes.Write(b)
}

func (r *recorder) all() ([]string, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.places, r.bytes.String()
}
