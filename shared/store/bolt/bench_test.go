package bolt_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/storetest"
)

// BenchmarkAppend acknowledges what is synced. Beside it: BenchmarkAppend of the
// engine on Redis.
func BenchmarkAppend(b *testing.B) {
	storetest.BenchmarkAppends(b, func(tb testing.TB, opts store.Options) store.Store {
		s, _ := open(tb, opts)
		return s
	})
}

// history makes a folder with so many events in 20 rooms.
func history(b *testing.B, events int) (dir string) {
	b.Helper()
	dir = b.TempDir()
	f := must(os.Create(filepath.Join(dir, "events.ndjson")))(b)
	w := bufio.NewWriter(f)
	begin := time.Now().Add(-time.Hour).UnixMilli()
	last := map[chat.RoomID]chat.ID{}
	for i := range events {
		room := chat.RoomID(fmt.Sprint("room", i%20))
		ev := chat.Event{Room: room, ID: chat.ID{MS: uint64(begin), Seq: uint64(i)}, Prev: last[room], Kind: chat.Message, By: ann, Text: strings.Repeat("x", 100)}
		last[room] = ev.ID
		w.Write(append(chat.JSON(ev), '\n'))
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
	s, closed := open(b, store.Options{Dir: dir})
	if n := len(log(b, s, "room0")); n != events/20 {
		b.Fatalf("%d events are in a room", n)
	}
	closed()
	return dir
}

// BenchmarkStart opens a file with 200,000 events, reads the last page of each
// room and posts once.
func BenchmarkStart(b *testing.B) {
	dir := history(b, 200_000)
	debug.FreeOSMemory()
	before := ownMemory(b)
	for b.Loop() {
		s, closed := open(b, store.Options{Dir: dir, History: 10_000})
		for i := range 20 {
			must(s.Before(b.Context(), chat.RoomID(fmt.Sprint("room", i)), chat.ID{}, 50))(b)
		}
		add(b, s, message(ann, "hi"))
		b.ReportMetric(float64(ownMemory(b)-before)/1024, "own-MB")
		closed()
	}
}

// ownMemory is the memory of this process that is of no file, in KB.
func ownMemory(tb testing.TB) (kb int) {
	tb.Helper()
	_, after, _ := strings.Cut(string(must(os.ReadFile("/proc/self/status"))(tb)), "RssAnon:")
	if _, err := fmt.Sscan(after, &kb); err != nil {
		tb.Skip("this system does not tell")
	}
	return kb
}

// BenchmarkTidy posts while 20 rooms forget nearly all of 200,000 events, and
// what they held is erased.
func BenchmarkTidy(b *testing.B) {
	dir := history(b, 200_000)
	s, _ := open(b, store.Options{Dir: dir, History: 100})
	begun := time.Now()
	storetest.Posts(b, s, 1, func() (chat.Event, bool) {
		return message(ann, "meanwhile"), time.Since(begun) < 10*time.Second
	})
	if n := len(log(b, s, "room0")); n > 110 {
		b.Errorf("a room holds %d events", n)
	}
}
