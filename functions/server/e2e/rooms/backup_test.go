package rooms_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// confab runs a verb in a folder, and returns what it says.
func confab(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(process.Binary(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DATA_DIR=" + dir}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestBackupOfARunningServerIsRestored(t *testing.T) {
	t.Parallel()
	dir, fresh, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "copy.db")
	s := process.Start(t, "DATA_DIR="+dir)
	if code, _, err := s.Post(s.Login("ann"), "lobby", "kept", ""); code != 201 || err != nil {
		t.Fatal(code, err)
	}
	if out, err := confab(t, dir, "backup", file); err != nil || !strings.Contains(out, "rooms: 1, events: 1, ") {
		t.Fatalf("backup says %q, %v", out, err)
	}
	if out, err := confab(t, dir, "restore", file); err == nil || !strings.Contains(out, "DATA_DIR: ") {
		t.Errorf("restore where a chat is says %q, %v", out, err)
	}
	if out, err := confab(t, fresh, "restore", file); err != nil {
		t.Fatalf("restore says %q, %v", out, err)
	}
	other := process.Start(t, "DATA_DIR="+fresh)
	r := process.Follow(t.Context(), func() string { return other.URL }, "0-0", "lobby")
	if seen := r.Await(t, "the line", process.AtLeast(1)); seen[0].Text != "kept" {
		t.Errorf("saw %q", seen[0].Text)
	}
}

// A disk that is full at the first start leaves nothing that stops a later one.
func TestFullDiskAtTheFirstStartStopsNoLaterOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := exec.Command("sh", "-c", `ulimit -f 0; exec "$0"`, process.Binary(t))
	full.Env = []string{"PATH=" + os.Getenv("PATH"), "DATA_DIR=" + dir, "ADDR=127.0.0.1:0"}
	if out, err := full.CombinedOutput(); err == nil {
		t.Fatalf("it starts on a full disk, and says %q", out)
	}
	s := process.Start(t, "DATA_DIR="+dir)
	if code, _, err := s.Post(s.Login("ann"), "lobby", "there is room again", ""); code != 201 || err != nil {
		t.Error(code, err)
	}
}
