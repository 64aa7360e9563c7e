package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

const (
	childDir   = "CONFAB_TEST_CHILD" // names the folder of a process that appends until it is killed
	childLimit = "CONFAB_TEST_LIMIT" // bytes that its files may have
)

// child appends to the folder named by the environment, as a test's own
// process that may be killed, and reports whether it is one.
func child() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	s, err := store.OpenLocal(context.Background(), store.Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return true
	}
	var limit uint64
	if n, _ := fmt.Sscan(os.Getenv(childLimit), &limit); n > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: 1 << 40})
	}
	for i, failed := 0, 0; failed < 3; i++ {
		key := fmt.Sprintf("%d-%d", os.Getpid(), i)
		ev, _, err := s.Append(context.Background(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "line " + key, Key: key})
		if err != nil {
			failed++
			fmt.Println("error", err)
			continue
		}
		fmt.Println(ev.ID, key)
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40})
	ev, _, err := s.Append(context.Background(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "room again", Key: "room again"})
	fmt.Println(ev.ID, ev.Key, err)
	return true
}

// spawn starts a child. Its lines come as it prints them.
func spawn(t *testing.T, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(must(os.Executable())(t))
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// reopen opens the folder, and closes it with the function that it returns.
func reopen(t *testing.T, opts store.Options) (*store.Store, func()) {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s := must(store.OpenLocal(t.Context(), opts))(t)
	return s, func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKillLosesNoAcknowledgedLine(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]chat.ID{}
	for range 4 {
		cmd, lines := spawn(t, childDir+"="+dir)
		for range 50 + rand.IntN(200) {
			if !lines.Scan() {
				t.Fatal("the child died by itself")
			}
			id, key, _ := strings.Cut(lines.Text(), " ")
			acked[key] = must(chat.ParseID(id))(t)
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it said before it died was acknowledged too
			id, key, _ := strings.Cut(lines.Text(), " ")
			acked[key] = must(chat.ParseID(id))(t)
		}
		_ = cmd.Wait()
	}
	s, closed := reopen(t, store.Options{Dir: dir})
	defer closed()
	evs := must(s.Since(t.Context(), room, chat.ID{}, 100_000))(t)
	chained(t, chat.ID{}, evs)
	found := map[string]chat.ID{}
	for _, ev := range evs {
		found[ev.Key] = ev.ID
	}
	for key, id := range acked {
		if found[key] != id {
			t.Errorf("%s was acknowledged as %s and is %s", key, id, found[key])
		}
	}
	if len(evs) > len(acked)+4 {
		t.Errorf("%d lines, %d acknowledged: at most one a death may be more", len(evs), len(acked))
	}
	last := evs[len(evs)-1]
	again, replayed, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: last.Text, Key: last.Key})
	if err != nil || !replayed || again.ID != last.ID {
		t.Errorf("the last key again: %v, replayed %t, %v", again, replayed, err)
	}
	refuse(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "other", Key: last.Key}, chat.ErrReused)
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
	if _, err := store.OpenLocal(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 1 is no event") {
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

func TestFullDiskRefusesPostsAndLosesNone(t *testing.T) {
	dir := t.TempDir()
	_, lines := spawn(t, childDir+"="+dir, childLimit+"=20000")
	var acked []string
	failed := 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error") {
			failed++
			if !strings.Contains(lines.Text(), chat.ErrUnavailable.Error()) {
				t.Error(lines.Text())
			}
			continue
		}
		id, _, _ := strings.Cut(lines.Text(), " ")
		acked = append(acked, id)
	}
	if failed != 3 || len(acked) < 50 {
		t.Fatalf("%d posts were refused, %d taken", failed, len(acked))
	}
	s, closed := reopen(t, store.Options{Dir: dir})
	defer closed()
	var got []string
	for _, ev := range must(s.Since(t.Context(), room, chat.ID{}, 10_000))(t) {
		got = append(got, ev.ID.String())
	}
	if !slices.Equal(got, acked) {
		t.Errorf("%d lines are there, %d were acknowledged", len(got), len(acked))
	}
}

func TestFolderIsOneServers(t *testing.T) {
	dir := t.TempDir()
	_, lines := spawn(t, childDir+"="+dir)
	if !lines.Scan() {
		t.Fatal("the child died by itself")
	}
	go func() {
		for lines.Scan() {
		}
	}()
	_, err := store.OpenLocal(t.Context(), store.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "DATA_DIR: "+dir+" is in use by another server") {
		t.Errorf("the second server: %v", err)
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
