package main_test

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
				env = append(env, "REDIS_URL="+startRedis(t))
			}
			s := start(t, env...)
			p := startProxy(t, s.URL)
			bob := s.login("bob")
			nothing := strings.TrimSuffix(strings.Repeat("0-0,", len(tt.rooms)), ",")
			r := follow(t.Context(), func() string { return "http://" + p.addr }, nothing, tt.rooms...)
			open := -1 // it looks once, and then when something came
			r.await(t, "the stream", func([]event) bool { open++; return open > 0 })
			p.part(true)
			if tt.kill {
				s.kill()
				s.restart()
			}
			for i := range tt.lines {
				if _, _, err := s.post(bob, "empty", fmt.Sprint("line ", i), ""); err != nil {
					t.Fatal(err)
				}
			}
			p.part(false)
			seen := r.await(t, "the lines", atLeast(tt.lines))
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(seen) != tt.lines || r.resets > 0 {
				t.Errorf("%d lines and %d resets, want %d and none", len(seen), r.resets, tt.lines)
			}
		})
	}
}

// The page in an empty room asks for what comes after nothing, too.
func TestPageInAnEmptyRoomGoesOnWithoutAReset(t *testing.T) {
	t.Parallel()
	s := start(t)
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
	p := startProxy(t, front.URL)
	ann, bob := visit(t, "http://"+p.addr+"/r/empty").join("ann"), s.login("bob")
	ann.offline(true)
	p.part(true)
	want := numbered("while away", 3)
	for _, text := range want {
		if _, _, err := s.post(bob, "empty", text, ""); err != nil {
			t.Fatal(err)
		}
	}
	p.part(false)
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
