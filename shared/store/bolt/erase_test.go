package bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// holds counts how often the file of a folder holds a text.
func holds(tb testing.TB, dir, text string) int {
	tb.Helper()
	return bytes.Count(must(os.ReadFile(filepath.Join(dir, "confab.db")))(tb), []byte(text))
}

// The text of a line gets into many pages before it is deleted: each commit
// writes the page that it is on anew.
func TestWhatWasDeletedIsErasedFromTheFile(t *testing.T) {
	dir := t.TempDir()
	s, closed := open(t, store.Options{Dir: dir})
	for i := range 200 {
		add(t, s, message(bob, fmt.Sprint("before ", i)))
	}
	secret := add(t, s, message(ann, "first-secret"))
	long := add(t, s, message(ann, string(bytes.Repeat([]byte("long-secret "), 300))))
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: secret.ID, Text: "second-secret"})
	for i := range 200 {
		add(t, s, message(bob, fmt.Sprint("after ", i)))
	}
	if holds(t, dir, "-secret") == 0 {
		t.Fatal("nothing is there to be erased")
	}
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: secret.ID})
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: long.ID})
	s.EraseNow()
	if n := holds(t, dir, "-secret"); n > 0 {
		t.Errorf("the file still holds it %d times", n)
	}
	evs := log(t, s, room)
	if len(evs) != 402 {
		t.Errorf("%d events are there, want 400 and two deletes", len(evs))
	}
	closed()
	s, _ = open(t, store.Options{Dir: dir})
	if got := log(t, s, room); len(got) != 402 {
		t.Errorf("%d events are there after a start", len(got))
	}
	if c := must(bolt.Verify(s))(t); c.Events != 402 {
		t.Errorf("the whole file holds %+v", c)
	}
}

func TestTextThatWasReplacedIsErasedFromTheFile(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, store.Options{Dir: dir})
	line := add(t, s, message(ann, "first-secret"))
	for _, text := range []string{"second-secret", "harmless"} {
		for i := range 100 {
			add(t, s, message(bob, fmt.Sprint("between ", i)))
		}
		add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: line.ID, Text: text})
	}
	s.EraseNow()
	if n := holds(t, dir, "-secret"); n > 0 {
		t.Errorf("the file still holds it %d times", n)
	}
	if c := must(bolt.Verify(s))(t); c.Events != 202 {
		t.Errorf("the whole file holds %+v", c)
	}
}

// A process may die before it has erased what it deleted.
func TestStartErasesWhatWasDeletedBefore(t *testing.T) {
	dir := t.TempDir()
	s, closed := open(t, store.Options{Dir: dir})
	secret := add(t, s, message(ann, "the-secret"))
	add(t, s, message(ann, "stays"))
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: secret.ID})
	closed()
	if holds(t, dir, "the-secret") == 0 {
		t.Fatal("nothing is there to be erased")
	}
	s, _ = open(t, store.Options{Dir: dir})
	eventually(t, "it is erased", func() error {
		if n := holds(t, dir, "the-secret"); n > 0 {
			return fmt.Errorf("the file holds it %d times", n)
		}
		return nil
	})
	if got := texts(log(t, s, room)); got != "stays delete:" {
		t.Errorf("the log holds %q", got)
	}
}

// What leaves by its age or number is not kept in free pages either.
func TestWhatWasTrimmedIsErasedFromTheFile(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, store.Options{Dir: dir, History: 20})
	for i := range 100 {
		add(t, s, message(ann, fmt.Sprintf("line-%03d.", i)))
	}
	s.EraseNow()
	kept := len(log(t, s, room))
	for i := range 100 {
		if n := holds(t, dir, fmt.Sprintf("line-%03d.", i)); (n > 0) != (i >= 100-kept) {
			t.Errorf("line %d of which the last %d are kept is in the file %d times", i, kept, n)
		}
	}
}

// Erasing is done in steps, and a post waits for one at most.
func TestErasingGoesOnBetweenPosts(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, store.Options{Dir: dir})
	var lines []chat.Event
	big := string(bytes.Repeat([]byte("x"), 4000))
	for range 3 * bolt.ErasePages {
		lines = append(lines, add(t, s, message(ann, big)))
	}
	for _, ev := range lines {
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: ev.ID})
	}
	steps := s.CountChores(s.EraseNow)
	if steps < 4 {
		t.Errorf("%d big lines were erased in %d steps of %d pages", len(lines), steps, bolt.ErasePages)
	}
	if n := holds(t, dir, big); n > 0 {
		t.Errorf("the file still holds %d of them", n)
	}
}
