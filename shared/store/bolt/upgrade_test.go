package bolt_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// earlierFile makes a folder with a file that an earlier version wrote.
func earlierFile(t *testing.T, name string) (dir string) {
	t.Helper()
	f := must(os.Open(filepath.Join("testdata", name)))(t)
	defer f.Close()
	dir = t.TempDir()
	file := must(io.ReadAll(must(gzip.NewReader(f))(t)))(t)
	if err := os.WriteFile(filepath.Join(dir, "confab.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The files are of the first servers that wrote versions 1 and 2; the second was
// a file of version 1 before. In both, two messages were edited, one of them
// twice, and one was deleted.
func TestFileOfAnEarlierVersionIsBroughtUpToDate(t *testing.T) {
	for _, name := range []string{"version1.db.gz", "version2.db.gz"} {
		t.Run(name, func(t *testing.T) {
			dir := earlierFile(t, name)
			if holds(t, dir, "secret") == 0 {
				t.Fatal("nothing is in the file to be erased")
			}
			s, closed := open(t, store.Options{Dir: dir})
			s.EraseNow()
			if n := holds(t, dir, "secret"); n > 0 {
				t.Errorf("the file still holds texts that were replaced or deleted, %d times", n)
			}
			evs := log(t, s, room)
			if got, want := texts(evs[20:]), "reads now kept reads now reaction:👍 edit:kept reads now edit:reads now delete: room:Hall"; got != want {
				t.Errorf("it reads %q, want %q", got, want)
			}
			if len(evs) != 27 || texts(log(t, s, "other")) != "elsewhere" || must(s.Rooms(t.Context(), room))(t)[0].Title != "Hall" {
				t.Errorf("%d events are there", len(evs))
			}
			again := add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: evs[20].ID, Text: "once more"})
			if evs = log(t, s, room); again.Prev != evs[len(evs)-2].ID || evs[20].Text != "once more" || len(evs) != 27 {
				t.Errorf("after an edit, %d events are there: %s", len(evs), texts(evs[20:]))
			}
			closed()
			s, _ = open(t, store.Options{Dir: dir})
			if got := log(t, s, room); texts(got) != texts(evs) {
				t.Errorf("the second time it reads %q", texts(got))
			}
			must(bolt.Verify(s))(t)
		})
	}
}

// What a room holds in bytes was not known before.
func TestBytesOfAnEarlierFileAreCounted(t *testing.T) {
	dir := earlierFile(t, "version1.db.gz")
	s, _ := open(t, store.Options{Dir: dir, HistoryBytes: 3500})
	add(t, s, message(ann, strings.Repeat("x", 2000)))
	evs := log(t, s, room)
	if n := len(evs); n < 10 || n > 20 || strings.HasPrefix(evs[0].Text, "before 0") {
		t.Errorf("%d events are there, the first is %q", n, evs[0].Text)
	}
}
