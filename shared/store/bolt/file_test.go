package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// pageSize is that of a file which was made here.
var pageSize = os.Getpagesize()

// refusesStart fails unless a start says one sentence that names DATA_DIR and
// holds all of want, and leaves the file as it is.
func refusesStart(t *testing.T, dir string, want ...string) {
	t.Helper()
	path := filepath.Join(dir, "confab.db")
	before, _ := os.ReadFile(path)
	s, err := bolt.Open(t.Context(), store.Options{Dir: dir})
	if err == nil {
		s.Close()
		t.Fatalf("it starts; want %q", want)
	}
	for _, part := range append(want, "DATA_DIR: ") {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q does not say %q in one line", err, part)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Errorf("the file was changed, when the start said %q", err)
	}
}

// filled makes a folder with some rooms, in which each room has many pages.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, closed := open(t, store.Options{Dir: dir})
	for i := range 100 {
		add(t, s, message(ann, strings.Repeat("x", 1000)))
		add(t, s, chat.Event{Room: "other", Kind: chat.Message, By: bob, Text: "y", Key: strings.Repeat("k", i+1)})
	}
	closed()
	return dir
}

func overwrite(t *testing.T, dir string, at int64, with []byte) {
	t.Helper()
	f := must(os.OpenFile(filepath.Join(dir, "confab.db"), os.O_RDWR, 0))(t)
	defer f.Close()
	must(f.WriteAt(with, at))(t)
}

func TestFileOfAnotherVersionIsLeftAlone(t *testing.T) {
	dir := filled(t)
	if err := bolt.SetVersion(dir, 5); err != nil {
		t.Fatal(err)
	}
	refusesStart(t, dir, "confab.db was written by a newer Confab", "version 5", "nothing was changed")
	if err := bolt.SetVersion(dir, 0); err != nil {
		t.Fatal(err)
	}
	refusesStart(t, dir, "confab.db was written by an older Confab", "version 0", "nothing was changed")
}

func TestDamagedFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	junk := bytes.Repeat([]byte{0xA5}, pageSize)
	for name, damage := range map[string]func(t *testing.T, dir string){
		"both meta pages": func(t *testing.T, dir string) { overwrite(t, dir, 0, append(junk, junk...)) },
		"cut short": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "confab.db"), int64(5*pageSize)); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "confab.db"), 0); err != nil {
				t.Fatal(err)
			}
		},
		"another file": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "confab.db"), bytes.Repeat([]byte("no database "), 9999), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"all but the meta pages": func(t *testing.T, dir string) {
			size := must(os.Stat(filepath.Join(dir, "confab.db")))(t).Size()
			overwrite(t, dir, int64(2*pageSize), bytes.Repeat([]byte{0xA5}, int(size)-2*pageSize))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			damage(t, dir)
			refusesStart(t, dir, "confab.db", "nothing was changed", "confab restore")
		})
	}
}

// Whichever page is damaged, nothing wrong is told, nothing panics, and the
// rooms on other pages are read.
func TestDamagedPageIsNoticed(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	whole := must(os.ReadFile(filepath.Join(dir, "confab.db")))(t)
	s, closed := open(t, store.Options{Dir: dir})
	pages := int(must(bolt.Verify(s))(t).Bytes) / pageSize
	want := map[chat.RoomID][]chat.Event{room: log(t, s, room), "other": log(t, s, "other")}
	closed()
	refused, unread := 0, 0
	for i := range 2 * (pages - 2) { // each page twice: all over, and one byte of what it holds
		page := 2 + i/2
		if err := os.WriteFile(filepath.Join(dir, "confab.db"), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(whole[page*pageSize : (page+1)*pageSize])
		if i%2 == 1 {
			damaged[pageSize/2] ^= 0x55
		}
		for at := 0; at < len(damaged) && i%2 == 0; at += 61 {
			damaged[at] ^= 0x55
		}
		overwrite(t, dir, int64(page*pageSize), damaged)
		opened, err := bolt.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			refused++
			continue
		}
		for room, want := range want {
			got, err := opened.Since(t.Context(), room, chat.ID{}, 1000)
			switch {
			case errors.Is(err, chat.ErrUnavailable):
				unread++
			case err != nil || texts(got) != texts(want):
				t.Errorf("page %d: %d events of %s, %v; want %d or that it is damaged", page, len(got), room, err, len(want))
			}
			_, _, err = opened.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "more"})
			if err != nil && !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("page %d: a post answers %v", page, err)
			}
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 || unread == 0 {
		t.Errorf("of %d pages damage kept %d from starting and %d rooms from being read", pages, refused, unread)
	}
	t.Logf("of %d pages damage kept %d from starting and %d rooms from being read", pages, refused, unread)
}

func TestFileIsOursAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	s, closed := open(t, store.Options{Dir: dir})
	add(t, s, message(ann, "private"))
	for name, want := range map[string]os.FileMode{"": 0o700, "confab.db": 0o600, "lock": 0o600, "backup.sock": 0o600} {
		eventually(t, name, func() error {
			info, err := os.Stat(filepath.Join(dir, name))
			if err == nil && info.Mode().Perm() != want {
				t.Errorf("%q has mode %o, want %o", name, info.Mode().Perm(), want)
			}
			return err
		})
	}
	closed()
}

func TestOnlyTheLastCommitsMetaPageCounts(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, "confab.db")
	whole := must(os.ReadFile(path))(t)
	const txid = 16 + 48
	last := int64(0)
	if binary.NativeEndian.Uint64(whole[pageSize+txid:]) > binary.NativeEndian.Uint64(whole[txid:]) {
		last = 1
	}
	overwrite(t, dir, last*int64(pageSize), bytes.Repeat([]byte{0xFF}, pageSize)) // torn when the power failed: that commit was not acknowledged
	s, closed := open(t, store.Options{Dir: dir})
	if evs := log(t, s, room); len(evs) < 99 {
		t.Errorf("%d events are there", len(evs))
	}
	s.EraseNow()
	closed()
	s, _ = open(t, store.Options{Dir: dir})
	if _, err := bolt.Verify(s); err != nil {
		t.Error(err)
	}
}
