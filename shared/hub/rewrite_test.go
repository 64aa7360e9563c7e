package hub_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// A way is how a reader from before a message may be served.
type way struct {
	name   string
	rooms  []chat.RoomID
	cursor string
}

// The message is the third of room a.
var ways = []way{
	{"the ring", []chat.RoomID{"a"}, "2000-0"},
	{"the beginning of the ring", []chat.RoomID{"a"}, "0-0"},
	{"the ring, with an id of its own", []chat.RoomID{"a", "b"}, "2000-0,2000-0"},
	{"the recent events of rooms", []chat.RoomID{"a", "c"}, "2000-0,1000-0"},
	{"the log", []chat.RoomID{"a", "c"}, "1000-0,0-0"},
	{"the page after a reset", []chat.RoomID{"a"}, "nonsense"},
}

// readAll is all that a reader gets from a cursor on, up to a line.
func readAll(t *testing.T, base string, w way, last string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c := newClient(t, base, w.rooms...)
	c.cursor = w.cursor
	c.connect(ctx)
	defer c.body.Close()
	var all strings.Builder
	for c.frames.Scan() {
		ev := c.frames.Event()
		fmt.Fprintf(&all, "%s %s\n", ev.Type, ev.Data)
		if strings.Contains(ev.Data, `"text":"`+last+`"`) {
			return all.String()
		}
	}
	t.Errorf("%s: not read up to %s: %v", w.name, last, c.frames.Err())
	return ""
}

// Whoever comes later gets no text that was deleted or replaced, on any way.
func TestNoWayOutHasWhatWasDeletedOrReplaced(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		for _, room := range []chat.RoomID{"a", "b", "c"} {
			log.post(room, "first")
			log.post(room, "second")
		}
		h := newHub(t, log)
		base := serve(t, h, k)
		for _, w := range ways { // the audiences are there when it is posted
			w.cursor = strings.TrimSuffix(strings.Repeat("0-0,", len(w.rooms)), ",")
			readAll(t, base, w, "second")
		}
		deleted, edited := log.post("a", "deleted text"), log.post("a", "replaced text")
		log.edit("a", deleted.ID, "deleted edit")
		log.edit("a", edited.ID, "replaced edit")
		log.post("b", "third")
		log.remove("a", deleted.ID)
		log.edit("a", edited.ID, "a longer text than the two before, which stays")
		log.post("a", "last")
		for _, w := range append(ways, way{"a new audience", []chat.RoomID{"a", "b", "c"}, "2000-0,2000-0,2000-0"}) {
			got := readAll(t, base, w, "last")
			for _, gone := range []string{"deleted text", "deleted edit", "replaced text", "replaced edit"} {
				if strings.Contains(got, gone) {
					t.Errorf("%s gave %q:\n%s", w.name, gone, got)
				}
			}
			if strings.Count(got, "which stays") != 2 || !strings.Contains(got, `message {"room":"a","id":"4000-0"`) || !strings.Contains(got, "delete {") {
				t.Errorf("%s gave\n%s", w.name, got)
			}
		}
	})
}

// Not even the memory of the process has it.
func TestMemoryForgetsWhatWasDeleted(t *testing.T) {
	log := newFakeLog()
	log.post("a", "first")
	h := newHub(t, log)
	single, several := readerOf(t, h, "a"), readerOf(t, h, "a", "b")
	near, far := tcpPair(t)
	if h.CanAdopt() && !readerOf(t, h, "a").Adopt(near, hub.Adoption{Chunked: true, Holder: func(string) bool { return false }}) {
		t.Fatal("connection was not adopted")
	}
	backwards := postSecret(log)
	buf := make([]byte, 4096)
	for _, r := range []*hub.Reader{single, several} {
		for n := 0; n < 2; {
			b, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n += len(b.Items)
		}
	}
	for n := 0; h.CanAdopt() && bytes.Count(buf[:n], []byte("id: ")) < 2; {
		got, err := far.Read(buf[n:])
		if n += got; err != nil {
			t.Fatal(err)
		}
	}
	clear(buf)
	if inMemory(t, backwards) == 0 {
		t.Fatal("this test does not find what is in memory")
	}
	for _, ev := range slices.Clone(log.roomLog("a").events) {
		if ev.Kind == chat.Message && ev.Text != "first" {
			log.remove("a", ev.ID)
		}
	}
	if n := inMemory(t, backwards); n > 0 {
		t.Errorf("the deleted text is in memory %d times", n)
	}
	runtime.KeepAlive(h)
}

func readerOf(t *testing.T, h *hub.Hub, rooms ...chat.RoomID) *hub.Reader {
	t.Helper()
	r, err := h.Read(t.Context(), "", rooms, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// postSecret posts a text and edits it, and returns the secret in both
// backwards, so that the test itself does not hold it.
func postSecret(log *fakeLog) (backwards []byte) {
	secret := rand.Text()
	ev := log.post("a", "text "+secret)
	log.edit("a", ev.ID, "edit "+secret)
	backwards = []byte(secret)
	slices.Reverse(backwards)
	return backwards
}

// inMemory counts a text, given backwards, in a dump of the heap.
func inMemory(t *testing.T, backwards []byte) int {
	t.Helper()
	f, err := os.Create(t.TempDir() + "/heap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 3 { // pools are emptied by the second
		runtime.GC()
	}
	debug.WriteHeapDump(f.Fd())
	dump, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(dump)
	return bytes.Count(dump, backwards)
}

// A reader whose socket is full is in the middle of a frame. It gets the rest of
// it, and then nothing that was deleted or replaced meanwhile.
func TestBlockedReaderGetsWholeFramesThoughTheyAreRewritten(t *testing.T) {
	const n = 200
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		log.post("a", "first")
		h := newHub(t, log)
		base := serve(t, h, k)
		slow := newClient(t, base, "a")
		slow.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				err = conn.(*net.TCPConn).SetReadBuffer(32 << 10)
			}
			return conn, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		slow.connect(ctx)
		defer slow.body.Close()
		quick := newClient(t, base, "a")
		quick.connect(ctx)
		defer quick.body.Close()
		slow.next()
		quick.next()
		old, replacement := strings.Repeat("old", 700), strings.Repeat("new", 600)
		var ids []chat.ID
		for range n {
			ids = append(ids, log.post("a", old).ID)
		}
		for range n {
			quick.next() // all of it was written to those that take it
		}
		want := map[chat.ID]string{}
		for i, id := range ids {
			if i%2 == 0 {
				log.remove("a", id)
			} else {
				log.edit("a", id, replacement)
				want[id] = replacement
			}
		}
		log.post("a", "last")
		room, deleted, outdated := map[chat.ID]string{}, 0, 0
		for done := false; !done; {
			if !slow.frames.Scan() {
				t.Fatalf("the slow reader's stream ended: %v", slow.frames.Err())
			}
			var ev chat.Event
			if err := json.Unmarshal([]byte(slow.frames.Event().Data), &ev); err != nil {
				t.Fatalf("%v: %s", err, slow.frames.Event().Data)
			}
			switch {
			case ev.Text == "last":
				done = true
			case ev.Kind == chat.Message:
				if _, kept := want[ev.ID]; !kept {
					deleted++
				} else if ev.Text == old {
					outdated++
				}
				room[ev.ID] = ev.Text
			case ev.Kind == chat.Edit:
				if _, ok := room[ev.Target]; !ok {
					t.Errorf("edit of %s, which did not come", ev.Target)
				}
				room[ev.Target] = ev.Text
			case ev.Kind == chat.Delete:
				delete(room, ev.Target)
			}
		}
		if len(room) != len(want) {
			t.Errorf("the slow reader has %d lines, want %d", len(room), len(want))
		}
		for id, text := range want {
			if room[id] != text {
				t.Errorf("%s is %.10q", id, room[id])
			}
		}
		t.Logf("%d of %d lines came before they were deleted, %d before they were edited", deleted, n/2, outdated)
		if k.adopt && (deleted == n/2 || outdated == n/2) { // net/http's own socket takes it all
			t.Error("the socket was never full")
		}
	})
}
