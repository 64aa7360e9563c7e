package redis_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
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
	s, err := redis.OpenLocal(context.Background(), store.Options{Dir: dir})
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
	_, err := redis.OpenLocal(t.Context(), store.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "DATA_DIR: "+dir+" is in use by another server") {
		t.Errorf("the second server: %v", err)
	}
}
