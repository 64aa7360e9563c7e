package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestLinePostedToOneServerIsOnTheOthersStreams(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	key := "SESSION_KEYS=0123456789abcdef0123456789abcdef"
	a, b := start(t, "REDIS_URL="+redis, key), start(t, "REDIS_URL="+redis, key)
	at := func(s *server) func() string { return func() string { return s.URL } }
	ra, rb := follow(t.Context(), at(a), "0-0", "lobby"), follow(t.Context(), at(b), "0-0", "lobby")
	ann := a.login("ann")
	for i, s := range []*server{a, b, a} {
		code, ev, err := s.post(ann, "lobby", fmt.Sprint("line ", i), "")
		if err != nil || code != http.StatusCreated || ev.ID == "" {
			t.Fatalf("post %d: %d %v", i, code, err)
		}
	}
	for _, r := range []*reader{ra, rb} {
		seen := r.await(t, "three lines", atLeast(3))
		for i, ev := range seen {
			if ev.Text != fmt.Sprint("line ", i) {
				t.Errorf("line %d is %q", i, ev.Text)
			}
		}
	}
}

func TestRepeatedPostIsOneLine(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"REDIS_URL=", "REDIS_URL=" + startRedis(t)} {
		s := start(t, env)
		ann := s.login("ann")
		r := follow(t.Context(), func() string { return s.URL }, "0-0", "lobby")
		code1, first, err1 := s.post(ann, "lobby", "once", "key-1")
		code2, again, err2 := s.post(ann, "lobby", "once", "key-1")
		code3, _, err3 := s.post(ann, "lobby", "something else", "key-1")
		if err1 != nil || err2 != nil || err3 != nil || code1 != 201 || code2 != 200 || code3 != 422 || first.ID != again.ID {
			t.Errorf("%s: %d %s %v, then %d %s %v, then %d %v", env, code1, first.ID, err1, code2, again.ID, err2, code3, err3)
		}
		if _, _, err := s.post(ann, "lobby", "last", ""); err != nil {
			t.Fatal(err)
		}
		seen := r.await(t, "the last line", func(seen []event) bool { return len(seen) > 0 && seen[len(seen)-1].Text == "last" })
		if len(seen) != 2 {
			t.Errorf("%s: %d lines on the screen, want 2", env, len(seen))
		}
	}
}

// Lines are posted at 200 a second while the server dies twice. Who posts
// repeats what was not answered, under its key, as the page does.
func TestKillLosesNoAcknowledgedLine(t *testing.T) {
	t.Parallel()
	s := start(t, "POSTS_PER_SECOND=0")
	base := func() string { return s.URL } // it stays at one address
	ann := s.login("ann")
	readers := make([]*reader, 3)
	for i := range readers {
		readers[i] = follow(t.Context(), base, "0-0", "lobby")
	}
	const lines = 400
	var acked sync.Map
	var posted atomic.Int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for i := w; i < lines; i += 4 {
				<-tick.C
				s.insist(t, ann, fmt.Sprint("line ", i), &acked)
				posted.Add(1)
			}
		})
	}
	for _, after := range []int64{lines / 4, lines / 2} {
		for posted.Load() < after {
			time.Sleep(time.Millisecond)
		}
		s.kill()
		s.restart()
	}
	wg.Wait()
	var order []string
	for i, r := range readers {
		var got []string
		for _, ev := range r.await(t, "all lines", atLeast(lines)) {
			got = append(got, ev.Text)
			if id, ok := acked.Load(ev.Text); !ok || id != ev.ID {
				t.Errorf("reader %d: %q has id %s, acknowledged was %v", i, ev.Text, ev.ID, id)
			}
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(got))); len(sorted) != len(got) || len(got) != lines || r.resets > 0 {
			t.Errorf("reader %d saw %d lines, %d of them different, %d resets; want %d", i, len(got), len(sorted), r.resets, lines)
		}
		if i == 0 {
			order = got
		} else if !slices.Equal(order, got) {
			t.Errorf("reader %d saw another order than reader 0", i)
		}
	}
}

// insist posts until it is answered.
func (s *server) insist(tb testing.TB, c *http.Client, text string, acked *sync.Map) {
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		code, ev, err := s.post(c, "lobby", text, strings.ReplaceAll(text, " ", "-"))
		if err == nil && (code == 201 || code == 200) {
			acked.Store(text, ev.ID)
			return
		}
		if err == nil && code < 500 {
			tb.Errorf("post answered %d", code)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	tb.Errorf("%q was never answered", text)
}

func TestTornLastLineIsDroppedWithAWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, "DATA_DIR="+dir)
	ann := s.login("ann")
	if _, _, err := s.post(ann, "lobby", "whole", ""); err != nil {
		t.Fatal(err)
	}
	s.kill()
	f, err := os.OpenFile(filepath.Join(dir, "events.ndjson"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"room":"lobby","id":"99`)
	f.Close()
	s.restart()
	r := follow(t.Context(), func() string { return s.URL }, "0-0", "lobby")
	if seen := r.await(t, "the whole line", atLeast(1)); seen[0].Text != "whole" {
		t.Errorf("saw %q", seen[0].Text)
	}
	if code, _, err := s.post(ann, "lobby", "next", ""); code != 201 || err != nil {
		t.Errorf("post after the restart, with the session from before: %d %v", code, err)
	}
	if !strings.Contains(s.log.String(), "last line torn") {
		t.Errorf("no warning in %q", s.log)
	}
}

func TestWrongSettingStopsTheStartWithOneSentence(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"GUESTS=some":                              "GUESTS",
		"HISTORY=-1":                               "HISTORY",
		"DURABILITY=maybe":                         "DURABILITY",
		"PUBLIC_ORIGIN=chat.example.org":           "PUBLIC_ORIGIN",
		"SESSION_KEYS=short":                       "SESSION_KEYS",
		"ADDR=nowhere":                             "ADDR",
		"REDIS_URL=redis://:secret@127.0.0.1:1":    "127.0.0.1:1",
		"REDIS_URL=http://user:secret@127.0.0.1:1": "REDIS_URL",
		"STREAM_SECONDS=many":                      "STREAM_SECONDS",
		"TRUSTED_PROXIES=everybody":                "TRUSTED_PROXIES",
		"PROXY_SECRET=open":                        "PROXY_SECRET",
		"DATA_DIR=/proc/none":                      "DATA_DIR",
	} {
		out, err := run(t, env)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "secret") || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%s: %v, %q; want one line that names %s", env, err, out, want)
		}
	}
}

// A process that ends takes its sockets with it: each has been told before.
func TestEverySocketIsToldThatTheServerLeaves(t *testing.T) {
	t.Parallel()
	s := start(t)
	const sockets = 60
	told := make(chan error, sockets)
	for range sockets {
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/stream?room=lobby", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var last []byte
			for {
				_, frame, err := conn.Read(t.Context())
				if err == nil {
					last = frame
					continue
				}
				if websocket.CloseStatus(err) != websocket.StatusGoingAway || !bytes.Contains(last, []byte(`"kind":"bye"`)) {
					told <- fmt.Errorf("%w after %s", err, last)
					return
				}
				told <- nil
				return
			}
		}()
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for range sockets {
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
}
