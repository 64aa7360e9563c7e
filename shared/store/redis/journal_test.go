package redis_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// reopen opens the folder, and closes it with the function that it returns.
func reopen(t *testing.T, opts store.Options) (*redis.Store, func()) {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s := must(redis.OpenLocal(t.Context(), opts))(t)
	return s.(*redis.Store), func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTornLastLineIsDropped(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir})
	a := say(t, s, ann, "whole")
	closed()
	path := filepath.Join(dir, "events.ndjson")
	whole := must(os.ReadFile(path))(t)
	for _, torn := range []string{`{"room":"lob`, `{"room":"lobby","id":"1-`, "\x00\x00\x00\x00", "{}\n", string(whole[:len(whole)-1])} {
		if err := os.WriteFile(path, append(slices.Clone(whole), torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, closed := reopen(t, store.Options{Dir: dir})
		if evs := must(s.Since(t.Context(), room, chat.ID{}, 10))(t); !slices.Equal(evs, []chat.Event{a}) {
			t.Errorf("after %q: %+v", torn, evs)
		}
		closed()
		if got := must(os.ReadFile(path))(t); string(got) != string(whole) {
			t.Errorf("after %q the file holds %q", torn, got)
		}
	}
	if err := os.WriteFile(path, slices.Concat([]byte("what?\n"), whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := redis.OpenLocal(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 1 is no event") {
		t.Errorf("a file damaged before its end: %v", err)
	}
}

func TestRefusedPostsLeaveNothingInTheFile(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir, PostsPerSecond: 0.001, PostBurst: 3})
	defer closed()
	size := func() int64 { return must(os.Stat(filepath.Join(dir, "events.ndjson")))(t).Size() }
	first := add(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k"})
	before := size()
	refuse(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "ho", Key: "k"}, chat.ErrReused)
	refuse(t, s, chat.Event{Room: room, Kind: chat.Delete, By: bob, Target: first.ID}, chat.ErrForbidden)
	refuse(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: chat.ID{MS: 1}, Text: "x"}, chat.ErrNotFound)
	if _, replayed, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k"}); !replayed || err != nil {
		t.Errorf("replayed %t, %v", replayed, err)
	}
	say(t, s, ann, "third")
	grown := size()
	refuse(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "fourth"}, chat.ErrTooMany)
	if size() != grown || before == grown {
		t.Errorf("the file has %d bytes, had %d", size(), grown)
	}
}

// A process may die between writing a line and taking it off again.
func TestLineThatTheLogWouldRefuseIsDropped(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir})
	msg := add(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: "k"})
	closed()
	path := filepath.Join(dir, "events.ndjson")
	whole := must(os.ReadFile(path))(t)
	next := chat.ID{MS: msg.ID.MS + 1000}
	day := chat.ID{MS: msg.ID.MS + 24*3_600_000}
	for _, tt := range []struct {
		what string
		ev   chat.Event
		want string
	}{
		{"a repeat", chat.Event{ID: next, Kind: chat.Message, By: ann, Text: "hi", Key: "k"}, "hi"},
		{"a foreign edit", chat.Event{ID: next, Kind: chat.Edit, By: bob, Target: msg.ID, Text: "ho"}, "hi"},
		{"a foreign delete", chat.Event{ID: next, Kind: chat.Delete, By: bob, Target: msg.ID}, "hi"},
		{"a good edit", chat.Event{ID: next, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "ho"}, "hi edit:ho"},
		{"another's key", chat.Event{ID: next, Kind: chat.Message, By: bob, Text: "ho", Key: "k"}, "hi ho"},
		{"the key a day later", chat.Event{ID: day, Kind: chat.Message, By: ann, Text: "ho", Key: "k"}, "hi ho"},
	} {
		tt.ev.Room, tt.ev.Prev = room, msg.ID
		if err := os.WriteFile(path, append(slices.Clone(whole), append(chat.JSON(tt.ev), '\n')...), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, closed := reopen(t, store.Options{Dir: dir})
			if got := texts(must(s.Before(t.Context(), room, chat.ID{}, 10))(t)); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
			}
			closed()
		}
	}
}

func TestKeysOfTheLastTenMinutesAreInTheFile(t *testing.T) {
	dir := t.TempDir()
	began := time.Now().Add(-time.Hour).UnixMilli()
	var file []byte
	var said []chat.Event
	for i := range 4 {
		ev := chat.Event{ID: chat.ID{MS: uint64(began) + uint64(i)*240_000}, Room: room, Kind: chat.Message, By: ann, Text: "hi", Key: fmt.Sprint("k", i)}
		said = append(said, ev)
		file = append(append(file, chat.JSON(ev)...), '\n')
	}
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, closed := reopen(t, store.Options{Dir: dir})
	defer closed()
	for i, ev := range slices.Backward(said) {
		known := i > 0
		ev.ID = chat.ID{}
		if got, replayed, err := s.Append(t.Context(), ev); err != nil || replayed != known || (got.ID == said[i].ID) != known {
			t.Errorf("%s again: %v, replayed %t, %v", ev.Key, got, replayed, err)
		}
	}
}

func TestWhatWasDeletedIsGoneFromTheFile(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir})
	msg := say(t, s, ann, "secret")
	other := say(t, s, ann, "stays")
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "secret too"})
	add(t, s, chat.Event{Room: room, Kind: chat.Reaction, By: bob, Target: msg.ID, Emoji: "👍"})
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: other.ID, Text: "stays too"})
	add(t, s, chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "Lobby"})
	deleted := add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: msg.ID})
	closed()
	for range 3 { // what told of it stays, start after start
		s, closed := reopen(t, store.Options{Dir: dir})
		evs := must(s.Since(t.Context(), room, chat.ID{}, 10))(t)
		if got := texts(evs); got != "stays reaction:👍 edit:stays too room:Lobby delete:" || evs[4] != deleted {
			t.Errorf("the log holds %q", got)
		}
		refuse(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "x"}, chat.ErrNotFound)
		if got := must(s.Rooms(t.Context(), room))(t)[0].Title; got != "Lobby" {
			t.Errorf("the title is %q", got)
		}
		closed()
		if file := must(os.ReadFile(filepath.Join(dir, "events.ndjson")))(t); strings.Contains(string(file), "secret") {
			t.Errorf("the file holds %s", file)
		}
	}
	s, closed = reopen(t, store.Options{Dir: dir}) // an edit from before the start is deleted with its message
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: other.ID})
	if got := texts(must(s.Before(t.Context(), room, chat.ID{}, 10))(t)); strings.Contains(got, "stays") {
		t.Errorf("the log holds %q", got)
	}
	closed()
}

func TestFileKeepsSoMuchAndTheTitle(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir, History: 10})
	add(t, s, chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "First"})
	add(t, s, chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "Second"})
	var last chat.Event
	for i := range 50 {
		last = say(t, s, ann, fmt.Sprint(i))
	}
	closed()
	for range 3 {
		s, closed := reopen(t, store.Options{Dir: dir, History: 10})
		evs := must(s.Since(t.Context(), room, chat.ID{}, 100))(t)
		if len(evs) != 10 || evs[9] != last {
			t.Errorf("the log holds %q", texts(evs))
		}
		if _, err := s.Since(t.Context(), room, chat.ID{MS: evs[0].Prev.MS - 1}, 10); !errors.Is(err, chat.ErrReset) {
			t.Errorf("from before what is kept: %v", err)
		}
		if got := must(s.Rooms(t.Context(), room))(t)[0].Title; got != "Second" {
			t.Errorf("the title is %q", got)
		}
		closed()
		if lines := strings.Count(string(must(os.ReadFile(filepath.Join(dir, "events.ndjson")))(t)), "\n"); lines != 11 {
			t.Errorf("the file has %d lines", lines)
		}
	}
	s, closed = reopen(t, store.Options{Dir: dir, Retention: time.Millisecond})
	pass(t, chat.ID{MS: last.ID.MS + 1})
	if evs := must(s.Since(t.Context(), room, chat.ID{}, 100))(t); len(evs) > 10 {
		t.Errorf("the log holds %q", texts(evs))
	}
	closed()
}

func TestGrownFileIsWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	s, closed := reopen(t, store.Options{Dir: dir, History: 5})
	for i := range 20 {
		say(t, s, ann, fmt.Sprint(i))
	}
	s.FileIsFull()
	var want []chat.Event
	for i := range 5 {
		want = append(want, say(t, s, ann, fmt.Sprint("after ", i)))
	}
	if lines := strings.Count(string(must(os.ReadFile(filepath.Join(dir, "events.ndjson")))(t)), "\n"); lines != 9 {
		t.Errorf("the file has %d lines, want 5 and the 4 since", lines)
	}
	closed()
	s, closed = reopen(t, store.Options{Dir: dir, History: 5})
	defer closed()
	if evs := must(s.Since(t.Context(), room, chat.ID{}, 100))(t); !slices.Equal(evs, want) {
		t.Errorf("the log holds %q", texts(evs))
	}
}

func TestFileIsOursAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	s, closed := reopen(t, store.Options{Dir: dir})
	say(t, s, ann, "private")
	closed()
	for name, want := range map[string]os.FileMode{"": 0o700, "events.ndjson": 0o600, "lock": 0o600} {
		if mode := must(os.Stat(filepath.Join(dir, name)))(t).Mode().Perm(); mode != want {
			t.Errorf("%q has mode %o, want %o", name, mode, want)
		}
	}
}

// The driver makes connections in goroutines of its own, for commands that may
// have ended.
func TestStoreIsClosedWhileTheDriverDials(t *testing.T) {
	dir := t.TempDir()
	for range 50 {
		s, closed := reopen(t, store.Options{Dir: dir})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { s.Redis().Ping(t.Context()) })
		}
		closed()
		wg.Wait()
	}
}
