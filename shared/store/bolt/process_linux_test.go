package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"

	"golang.org/x/sys/unix"
)

const (
	childDir     = "CONFAB_TEST_CHILD"   // names the folder of a process that appends until it is killed
	childLimit   = "CONFAB_TEST_LIMIT"   // bytes that its files may have
	childWriters = "CONFAB_TEST_WRITERS" // goroutines that append at the same time
	childLines   = "CONFAB_TEST_LINES"   // of each writer, after which it ends by itself
)

// child appends to the folder named by the environment, as a test's own
// process that may be killed, and reports whether it is one.
func child() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if number(childLimit, 0) < 0 { // full from the beginning
		limitFiles(1000)
	}
	s, err := bolt.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return true
	}
	if limit := number(childLimit, 0); limit > 0 {
		limitFiles(uint64(limit))
	}
	var writers sync.WaitGroup
	for w := range number(childWriters, 1) {
		writers.Go(func() { childWrites(s, w, number(childLines, 1<<30)) })
	}
	writers.Wait()
	if os.Getenv(childLimit) != "" {
		fmt.Println("ready", s.Ready(context.Background()))
		limitFiles(1 << 40)
		fmt.Println("ready", s.Ready(context.Background()))
		childWrites(s, 1000, 1)
	}
	if err := s.Close(); err != nil {
		fmt.Println("error", err)
	}
	return true
}

// limitFiles is a disk that is full when a file has so many bytes.
func limitFiles(bytes uint64) {
	signal.Ignore(syscall.SIGXFSZ)
	_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: 1 << 40})
}

// childWrites prints the id and the key of each line that is acknowledged, in
// one write, and ends when three were not.
func childWrites(s store.Store, writer, lines int) {
	room := chat.RoomID(fmt.Sprint("room", writer%4))
	for i, failed := 0, 0; i < lines && failed < 3; i++ {
		key := fmt.Sprintf("%d-%d-%d", os.Getpid(), writer, i)
		ev, _, err := s.Append(context.Background(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "line " + key, Key: key})
		if err != nil {
			failed++
			fmt.Println("error", err)
			continue
		}
		fmt.Println("ok", room, ev.ID, key)
	}
}

func number(name string, otherwise int) int {
	n := otherwise
	_, _ = fmt.Sscan(os.Getenv(name), &n)
	return n
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

// An acknowledged line, by its key.
type acked map[string]chat.Event

func (a acked) note(t *testing.T, line string) {
	f := strings.Fields(line)
	if len(f) != 4 || f[0] != "ok" {
		t.Fatalf("the child says %q", line)
	}
	a[f[3]] = chat.Event{Room: chat.RoomID(f[1]), ID: must(chat.ParseID(f[2]))(t)}
}

// in fails for each line that the store does not hold as it was acknowledged.
func (a acked) in(t *testing.T, s *bolt.Store) {
	t.Helper()
	found := map[string]chat.ID{}
	total := 0
	for i := range 4 {
		room := chat.RoomID(fmt.Sprint("room", i))
		evs := log(t, s, room)
		chained(t, chat.ID{}, evs)
		for _, ev := range evs {
			found[strings.TrimPrefix(ev.Text, "line ")] = ev.ID
		}
		total += len(evs)
	}
	lost := 0
	for key, ev := range a {
		if found[key] != ev.ID {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d lines of %d that were acknowledged are not there", lost, len(a))
	}
	if len(found) != total {
		t.Errorf("%d lines have %d keys: one was written twice", total, len(found))
	}
}

func TestKillLosesNoAcknowledgedLine(t *testing.T) {
	dir := t.TempDir()
	all := acked{}
	for range 20 {
		cmd, lines := spawn(t, childDir+"="+dir, childWriters+"=8")
		for range 50 + rand.IntN(300) {
			if !lines.Scan() {
				t.Fatal("the child died by itself")
			}
			all.note(t, lines.Text())
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it said before it died was acknowledged too
			all.note(t, lines.Text())
		}
		_ = cmd.Wait()
	}
	s, _ := open(t, store.Options{Dir: dir})
	all.in(t, s)
	t.Logf("%d lines were acknowledged in 20 lives", len(all))
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
	s, err := bolt.Open(t.Context(), store.Options{Dir: dir})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "DATA_DIR: "+dir+" is in use by another server") {
		t.Errorf("the second server: %v", err)
	}
}

// Nothing is left of a file that could not be made, so that the next start makes
// it.
func TestFileIsMadeWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "confab.db.new"), []byte("what a server that died left"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, lines := spawn(t, childDir+"="+dir, childLimit+"=-1")
	for lines.Scan() {
		if !strings.Contains(lines.Text(), "DATA_DIR: ") {
			t.Errorf("a start on a full disk says %q", lines.Text())
		}
	}
	_ = cmd.Wait()
	for _, name := range []string{"confab.db", "confab.db.new"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, _ := open(t, store.Options{Dir: dir})
	add(t, s, message(ann, "there is room again"))
}

// On a full disk posts are refused and none is lost; when there is room again
// they go on by themselves.
func TestFullDiskRefusesPostsAndLosesNone(t *testing.T) {
	dir := t.TempDir()
	s, closed := open(t, store.Options{Dir: dir})
	add(t, s, message(ann, "the first"))
	closed()
	size := must(os.Stat(filepath.Join(dir, "confab.db")))(t).Size()
	_, lines := spawn(t, childDir+"="+dir, fmt.Sprint(childLimit, "=", size))
	all, ready, failed := acked{}, "", 0
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "error"):
			failed++
			if !strings.Contains(line, chat.ErrUnavailable.Error()) {
				t.Error(line)
			}
		case strings.HasPrefix(line, "ready"):
			ready += line + "\n"
		default:
			all.note(t, line)
		}
	}
	if failed != 3 || len(all) < 2 {
		t.Fatalf("%d posts were refused, %d taken", failed, len(all))
	}
	if !strings.HasPrefix(ready, "ready unavailable") || !strings.HasSuffix(ready, "ready <nil>\n") {
		t.Errorf("with a full disk, and with room again: %q", ready)
	}
	s, _ = open(t, store.Options{Dir: dir})
	all.in(t, s)
	if n := len(log(t, s, "room0")); n != len(all) {
		t.Errorf("%d lines are there, %d were acknowledged", n, len(all))
	}
}

// In a folder or a file that may not be written nothing starts.
func TestFolderThatMayNotBeWritten(t *testing.T) {
	asNobody := func(what string, dir string) {
		t.Helper()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if os.Getuid() == 0 { // to whom no permission applies
			if err := unix.Setfsuid(65534); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Setfsuid(0) }()
		}
		s, err := bolt.Open(t.Context(), store.Options{Dir: dir})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "DATA_DIR: ") || !strings.Contains(err.Error(), dir) || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	change := func(path string, mode os.FileMode) {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for dir := t.TempDir(); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		change(dir, 0o755) // for nobody to get here
	}
	empty := t.TempDir()
	change(empty, 0o555)
	asNobody("an empty folder", empty)
	dir := filled(t)
	change(filepath.Join(dir, "lock"), 0o666)
	change(filepath.Join(dir, "confab.db"), 0o444)
	change(dir, 0o755)
	asNobody("a file", dir)
	change(dir, 0o700)
}
