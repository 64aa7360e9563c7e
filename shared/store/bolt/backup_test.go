package bolt_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// A copy that is made under load holds all that was acknowledged before, a chain
// without a hole, and nothing that was deleted.
func TestBackupWhileItRuns(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, store.Options{Dir: dir})
	secret := add(t, s, message(ann, "the-secret"))
	for i := range 100 {
		add(t, s, message(ann, fmt.Sprint(i)))
	}
	last := add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: secret.ID})
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				_, _, _ = s.Append(t.Context(), message(bob, "meanwhile"))
			}
		})
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	c, err := bolt.Backup(t.Context(), dir, file)
	stop()
	writers.Wait()
	if err != nil || c.Rooms != 1 || c.Events < 101 {
		t.Fatalf("%v, %v", c, err)
	}
	if bytes.Contains(must(os.ReadFile(file))(t), []byte("the-secret")) {
		t.Error("the copy holds what was deleted")
	}
	if _, err := bolt.Backup(t.Context(), dir, file); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second time to the same file: %v", err)
	}

	fresh := filepath.Join(t.TempDir(), "fresh")
	if restored, err := bolt.Restore(fresh, file); err != nil || restored != c {
		t.Fatalf("restore: %v, %v; want %v", restored, err, c)
	}
	r, _ := open(t, store.Options{Dir: fresh})
	evs := log(t, r, room)
	chained(t, secret.ID, evs)
	if evs[100] != last {
		t.Errorf("event 100 is %+v, want %+v", evs[100], last)
	}
	add(t, r, message(ann, "it goes on"))
}

// The file still has it, in free pages.
func TestBackupHoldsNothingThatWasDeleted(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, store.Options{Dir: dir})
	held := 0
	for range 20 { // what was taken out may be erased at once
		secret := add(t, s, message(ann, strings.Repeat("the-secret ", 350)))
		add(t, s, message(ann, "stays"))
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: secret.ID})
		if held = holds(t, dir, "the-secret"); held > 0 {
			break
		}
	}
	if held == 0 {
		t.Fatal("the file never holds it")
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	must(bolt.Backup(t.Context(), dir, file))(t)
	if n := bytes.Count(must(os.ReadFile(file))(t), []byte("the-secret")); n > 0 {
		t.Errorf("the copy holds it %d times", n)
	}
}

func TestBackupWithoutAServer(t *testing.T) {
	dir := filled(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	if c, err := bolt.Backup(t.Context(), dir, file); err != nil || c.Events != 200 {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := bolt.Backup(t.Context(), t.TempDir(), file+"2"); err == nil || !strings.Contains(err.Error(), "DATA_DIR: there is no chat") {
		t.Errorf("of an empty folder: %v", err)
	}
}

// A folder's path may be longer than the address of a socket.
func TestBackupOfADeepFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	s, _ := open(t, store.Options{Dir: dir})
	add(t, s, message(ann, "hi"))
	eventually(t, "the socket is there", func() error { _, err := os.Stat(filepath.Join(dir, "backup.sock")); return err })
	if c, err := bolt.Backup(t.Context(), dir, filepath.Join(t.TempDir(), "copy.db")); err != nil || c.Events != 1 {
		t.Errorf("%v, %v", c, err)
	}
}

func TestRestoreIsRefusedWhereAChatIs(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	must(bolt.Backup(t.Context(), dir, file))(t)
	before := must(os.ReadFile(filepath.Join(dir, "confab.db")))(t)
	if _, err := bolt.Restore(dir, file); err == nil || !strings.Contains(err.Error(), "there is a chat in "+dir+" already") {
		t.Errorf("%v", err)
	}
	if after := must(os.ReadFile(filepath.Join(dir, "confab.db")))(t); !bytes.Equal(before, after) {
		t.Error("the chat was changed")
	}
	old := t.TempDir()
	if err := os.WriteFile(filepath.Join(old, "events.ndjson"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Restore(old, file); err == nil || !strings.Contains(err.Error(), "events.ndjson") {
		t.Errorf("beside an earlier version's file: %v", err)
	}
}

func TestDamagedBackupIsNotRestored(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	must(bolt.Backup(t.Context(), dir, file))(t)
	whole := must(os.ReadFile(file))(t)
	refused := 0
	for page := 0; page < len(whole)/pageSize; page++ {
		damaged := bytes.Clone(whole)
		for i := page * pageSize; i < (page+1)*pageSize; i += 61 {
			damaged[i] ^= 0x55
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := t.TempDir()
		_, err := bolt.Restore(fresh, file)
		if err == nil {
			continue // a free page, or one of the two meta pages
		}
		refused++
		if !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "\n") {
			t.Errorf("page %d: %v", page, err)
		}
		if _, err := os.Stat(filepath.Join(fresh, "confab.db")); err == nil {
			t.Errorf("page %d: it was restored all the same", page)
		}
	}
	if refused < 40 {
		t.Errorf("%d damaged pages of %d were noticed", refused, len(whole)/pageSize)
	}
}

// A peer that takes nothing does not keep a server from closing.
func TestCloseDoesNotWaitForABackup(t *testing.T) {
	dir := filled(t)
	s, closed := open(t, store.Options{Dir: dir})
	var conn net.Conn
	eventually(t, "the server answers", func() (err error) {
		conn, err = net.Dial("unix", filepath.Join(dir, "backup.sock"))
		return err
	})
	defer conn.Close()
	must(conn.Read(make([]byte, 1)))(t)
	add(t, s, message(ann, "meanwhile"))
	closed()
}
