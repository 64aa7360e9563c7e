package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// earlier makes a folder as an earlier version left it.
func earlier(t *testing.T, evs ...chat.Event) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var file []byte
	for _, ev := range evs {
		file = append(append(file, withKey(ev)...), '\n')
	}
	writeEarlier(t, dir, file)
	return dir
}

// withKey is an event as an earlier version kept it, with the key of its author.
func withKey(ev chat.Event) []byte {
	if ev.Key == "" {
		return chat.JSON(ev)
	}
	return chat.JSON(struct {
		chat.Event
		Key string `json:"key"`
	}{ev, ev.Key})
}

func writeEarlier(t *testing.T, dir string, file []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines are so many events of a room, a second apart, the last a moment ago.
func lines(n int) []chat.Event {
	now := uint64(time.Now().UnixMilli())
	evs := make([]chat.Event, n)
	for i := range evs {
		evs[i] = message(ann, fmt.Sprint("line ", i))
		evs[i].ID, evs[i].Key = chat.ID{MS: now - 1000*uint64(n-i)}, fmt.Sprint("k", i)
		evs[i].KeyHash = chat.KeyHash(ann.ID, evs[i].Key)
		if i > 0 {
			evs[i].Prev = evs[i-1].ID
		}
	}
	return evs
}

func TestEarlierFileIsReadInOnce(t *testing.T) {
	evs := lines(20)
	edit := evs[5]
	edit.Kind, edit.Target, edit.ID, edit.Prev = chat.Edit, evs[2].ID, chat.ID{MS: evs[19].ID.MS + 1}, evs[19].ID
	edit.Key, edit.KeyHash = "", ""
	remove := chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: evs[2].ID, ID: edit.ID.Next(), Prev: edit.ID}
	title := chat.Event{Room: room, Kind: chat.Title, By: ann, Text: "Hall", ID: remove.ID.Next(), Prev: remove.ID}
	dir := earlier(t, slices.Concat(evs, []chat.Event{edit, remove, title})...)
	want := slices.Concat(evs[:2], evs[3:], []chat.Event{remove, title})
	for i := range want {
		want[i].Key = "" // the log shows only what stands for it
	}
	for range 3 {
		s, closed := open(t, store.Options{Dir: dir})
		if got := log(t, s, room); !slices.Equal(got, want) {
			t.Errorf("the log holds\n%+v\nwant\n%+v", got, want)
		}
		if got := must(s.Rooms(t.Context(), room))(t)[0]; got.Title != "Hall" || got.Last != title.ID {
			t.Errorf("the room is %+v", got)
		}
		repeat(t, s, want[18], evs[19].Key)
		closed()
	}
	if n := holds(t, dir, "line 2"); n != 0 {
		t.Errorf("what was deleted is in the file %d times", n)
	}
	if _, err := os.Stat(filepath.Join(dir, "events.ndjson.imported")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "events.ndjson")); err == nil {
		t.Error("the earlier file is still in its place")
	}
}

func TestEarlierFileIsKeptToTheLimits(t *testing.T) {
	dir := earlier(t, lines(500)...)
	s, _ := open(t, store.Options{Dir: dir, History: 50})
	if evs := log(t, s, room); len(evs) < 50 || len(evs) > 55 || evs[len(evs)-1].Text != "line 499" {
		t.Errorf("%d events are kept, the last is %q", len(evs), evs[len(evs)-1].Text)
	}
}

// A process may have died between writing a line and taking it off again.
func TestLineThatAnEarlierVersionRefusedIsDropped(t *testing.T) {
	msg := message(ann, "hi")
	msg.ID, msg.Key = chat.ID{MS: 1_700_000_000_000}, "k"
	next, day := chat.ID{MS: msg.ID.MS + 1000}, chat.ID{MS: msg.ID.MS + 24*3_600_000}
	for _, tt := range []struct {
		what string
		ev   chat.Event
		want string
	}{
		{"a repeat", chat.Event{ID: next, Kind: chat.Message, By: ann, Text: "hi", Key: "k"}, "hi"},
		{"a foreign edit", chat.Event{ID: next, Kind: chat.Edit, By: bob, Target: msg.ID, Text: "ho"}, "hi"},
		{"a foreign delete", chat.Event{ID: next, Kind: chat.Delete, By: bob, Target: msg.ID}, "hi"},
		{"a good edit", chat.Event{ID: next, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "ho"}, "ho edit:ho"},
		{"another's key", chat.Event{ID: next, Kind: chat.Message, By: bob, Text: "ho", Key: "k"}, "hi ho"},
		{"the key a day later", chat.Event{ID: day, Kind: chat.Message, By: ann, Text: "ho", Key: "k"}, "hi ho"},
	} {
		tt.ev.Room, tt.ev.Prev = room, msg.ID
		s, closed := open(t, store.Options{Dir: earlier(t, msg, tt.ev)})
		if got := texts(log(t, s, room)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
		closed()
	}
}

func TestTornLastLineOfAnEarlierFileIsDropped(t *testing.T) {
	whole := append(chat.JSON(lines(1)[0]), '\n')
	for _, torn := range []string{`{"room":"lob`, "\x00\x00\x00\x00", "{}\n", string(whole[:len(whole)-1])} {
		dir := t.TempDir()
		writeEarlier(t, dir, append(slices.Clone(whole), torn...))
		s, closed := open(t, store.Options{Dir: dir})
		if got := texts(log(t, s, room)); got != "line 0" {
			t.Errorf("after %q: %q", torn, got)
		}
		closed()
	}
}

func TestDamagedEarlierFileIsLeftAlone(t *testing.T) {
	whole := append(chat.JSON(lines(1)[0]), '\n')
	dir := t.TempDir()
	file := slices.Concat([]byte("what?\n"), whole)
	writeEarlier(t, dir, file)
	refusesStart(t, dir, "events.ndjson", "line 1 is no event")
	if got := must(os.ReadFile(filepath.Join(dir, "events.ndjson")))(t); string(got) != string(file) {
		t.Errorf("it is %q now", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "confab.db*")); len(left) > 0 {
		t.Errorf("the start left %q", left)
	}
}

// Both files: one of an earlier version was written after the new one was made.
func TestEarlierFileThatWasNotReadStopsTheStart(t *testing.T) {
	dir := filled(t)
	writeEarlier(t, dir, append(chat.JSON(lines(1)[0]), '\n'))
	refusesStart(t, dir, "events.ndjson that was not read into it", "nothing was changed")
	if err := os.Remove(filepath.Join(dir, "events.ndjson")); err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(t.Context(), store.Options{Dir: dir})
	if err != nil || strings.Contains(fmt.Sprint(err), "events") {
		t.Fatal(err)
	}
	s.Close()
}
