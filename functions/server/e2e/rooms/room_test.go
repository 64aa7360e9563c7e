package rooms_test

import (
	"bytes"
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

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"

	"github.com/coder/websocket"
)

func TestLinePostedToOneServerIsOnTheOthersStreams(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	key := "SESSION_KEYS=0123456789abcdef0123456789abcdef"
	a, b := process.Start(t, "REDIS_URL="+redis, key), process.Start(t, "REDIS_URL="+redis, key)
	at := func(s *process.Server) func() string { return func() string { return s.URL } }
	ra, rb := process.Follow(t.Context(), at(a), "0-0", "lobby"), process.Follow(t.Context(), at(b), "0-0", "lobby")
	ann := a.Login("ann")
	for i, s := range []*process.Server{a, b, a} {
		code, ev, err := s.Post(ann, "lobby", fmt.Sprint("line ", i), "")
		if err != nil || code != http.StatusCreated || ev.ID == "" {
			t.Fatalf("post %d: %d %v", i, code, err)
		}
	}
	for _, r := range []*process.Reader{ra, rb} {
		seen := r.Await(t, "three lines", process.AtLeast(3))
		for i, ev := range seen {
			if ev.Text != fmt.Sprint("line ", i) {
				t.Errorf("line %d is %q", i, ev.Text)
			}
		}
	}
}

func TestRepeatedPostIsOneLine(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"REDIS_URL=", "REDIS_URL=" + redistest.Start(t)} {
		s := process.Start(t, env)
		ann := s.Login("ann")
		r := process.Follow(t.Context(), func() string { return s.URL }, "0-0", "lobby")
		code1, first, err1 := s.Post(ann, "lobby", "once", "key-1")
		code2, again, err2 := s.Post(ann, "lobby", "once", "key-1")
		code3, _, err3 := s.Post(ann, "lobby", "something else", "key-1")
		if err1 != nil || err2 != nil || err3 != nil || code1 != 201 || code2 != 200 || code3 != 422 || first.ID != again.ID {
			t.Errorf("%s: %d %s %v, then %d %s %v, then %d %v", env, code1, first.ID, err1, code2, again.ID, err2, code3, err3)
		}
		if _, _, err := s.Post(ann, "lobby", "last", ""); err != nil {
			t.Fatal(err)
		}
		seen := r.Await(t, "the last line", func(seen []process.Event) bool { return len(seen) > 0 && seen[len(seen)-1].Text == "last" })
		if len(seen) != 2 {
			t.Errorf("%s: %d lines on the screen, want 2", env, len(seen))
		}
	}
}

// Lines are posted at 200 a second while the server dies twice. Who posts
// repeats what was not answered, under its key, as the page does.
func TestKillLosesNoAcknowledgedLine(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0")
	base := func() string { return s.URL } // it stays at one address
	ann := s.Login("ann")
	readers := make([]*process.Reader, 3)
	for i := range readers {
		readers[i] = process.Follow(t.Context(), base, "0-0", "lobby")
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
				insist(t, s, ann, fmt.Sprint("line ", i), &acked)
				posted.Add(1)
			}
		})
	}
	for _, after := range []int64{lines / 4, lines / 2} {
		testenv.Await(t, "enough lines are posted", 30*time.Second, func() bool { return posted.Load() >= after })
		s.Kill()
		s.Restart()
	}
	wg.Wait()
	var order []string
	for i, r := range readers {
		var got []string
		for _, ev := range r.Await(t, "all lines", process.AtLeast(lines)) {
			got = append(got, ev.Text)
			if id, ok := acked.Load(ev.Text); !ok || id != ev.ID {
				t.Errorf("reader %d: %q has id %s, acknowledged was %v", i, ev.Text, ev.ID, id)
			}
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(got))); len(sorted) != len(got) || len(got) != lines || r.Resets > 0 {
			t.Errorf("reader %d saw %d lines, %d of them different, %d resets; want %d", i, len(got), len(sorted), r.Resets, lines)
		}
		if i == 0 {
			order = got
		} else if !slices.Equal(order, got) {
			t.Errorf("reader %d saw another order than reader 0", i)
		}
	}
}

// insist posts until it is answered.
func insist(tb testing.TB, s *process.Server, c *http.Client, text string, acked *sync.Map) {
	answered := func() bool {
		code, ev, err := s.Post(c, "lobby", text, strings.ReplaceAll(text, " ", "-"))
		switch {
		case err != nil || code >= 500:
			return false
		case code == 201 || code == 200:
			acked.Store(text, ev.ID)
		default:
			tb.Errorf("post answered %d", code)
		}
		return true
	}
	if !testenv.Holds(20*time.Second, answered) {
		tb.Errorf("%q was never answered", text)
	}
}

// What a server kept before there was confab.db is read in once, and kept aside.
func TestFileOfAnEarlierVersionIsReadIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := `{"room":"lobby","id":"1700000000000-0","prev":"0-0","kind":"message","by":{"id":"u_ann","name":"ann"},"text":"whole"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), []byte(whole+`{"room":"lobby","id":"99`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := process.Start(t, "DATA_DIR="+dir)
	ann := s.Login("ann")
	if code, _, err := s.Post(ann, "lobby", "next", ""); code != 201 || err != nil {
		t.Errorf("post: %d %v", code, err)
	}
	if !strings.Contains(s.Log.String(), "last line torn") {
		t.Errorf("no warning in %q", s.Log)
	}
	s.Kill()
	s.Restart()
	r := process.Follow(t.Context(), func() string { return s.URL }, "0-0", "lobby")
	if seen := r.Await(t, "both lines", process.AtLeast(2)); seen[0].Text != "whole" || seen[1].Text != "next" {
		t.Errorf("saw %q, %q", seen[0].Text, seen[1].Text)
	}
	if code, _, err := s.Post(ann, "lobby", "more", ""); code != 201 || err != nil {
		t.Errorf("post after the restart, with the session from before: %d %v", code, err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "events.ndjson.imported")); err != nil || !strings.HasPrefix(string(kept), whole) {
		t.Errorf("kept aside: %q, %v", kept, err)
	}
}

func TestWrongSettingStopsTheStartWithOneSentence(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"GUESTS=some":                              "GUESTS",
		"OPERATORS=Ann":                            "OPERATORS",
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
		out, err := process.Run(t, env)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "secret") || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%s: %v, %q; want one line that names %s", env, err, out, want)
		}
	}
}

// A process that ends takes its sockets with it: each has been told before.
func TestEverySocketIsToldThatTheServerLeaves(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
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
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	for range sockets {
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
}
