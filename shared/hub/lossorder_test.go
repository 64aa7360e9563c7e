package hub_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// soon is a context in which what is not done soon fails.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// adoptOne has the hub adopt a connection of a reader, and returns its other side.
func adoptOne(t *testing.T, ln net.Listener, r *hub.Reader) net.Conn {
	t.Helper()
	other, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	_ = other.SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if !r.Adopt(conn, hub.Adoption{Holder: func(string) bool { return false }}) {
		t.Fatal("the connection was not adopted")
	}
	return other
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func readerAs(t *testing.T, h *hub.Hub, user, cursor string) *hub.Reader {
	t.Helper()
	r, err := h.Read(soon(t), user, []chat.RoomID{"a"}, cursor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// A ban that comes in the middle of a sweep over a large room ends those whom the
// sweep has not served yet before the lines that came after it.
func TestBanInTheMiddleOfASweepComesFirst(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	if !h.CanAdopt() {
		t.Skip("nothing is adopted on this system")
	}
	ln := listen(t)
	for range 3 {
		var conns []net.Conn
		for range 1200 {
			conns = append(conns, adoptOne(t, ln, readerAs(t, h, "u_eve", "")))
		}
		sweeps := h.Stats().Sweeps
		log.post("a", "before")
		for h.Stats().Sweeps == sweeps { // it waits for a slice of the sweep
		}
		log.happen(ban("a", "u_eve"))
		for range 20 {
			log.post("a", "after")
		}
		var wg sync.WaitGroup
		for _, conn := range conns {
			wg.Go(func() {
				if b, err := io.ReadAll(conn); err != nil || strings.Contains(string(b), "after") {
					t.Errorf("%v: %s", err, b)
				}
			})
		}
		wg.Wait()
	}
}

func TestReaderThatIsAdoptedAfterTheBanGetsNothing(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	if !h.CanAdopt() {
		t.Skip("nothing is adopted on this system")
	}
	ln := listen(t)
	adoptOne(t, ln, readerAs(t, h, "u_ann", "")) // its group has seen the ban by then
	late := readerAs(t, h, "u_eve", "")
	log.happen(ban("a", "u_eve"))
	log.post("a", "after")
	b, err := io.ReadAll(adoptOne(t, ln, late))
	if err != nil || strings.Contains(string(b), "after") || !strings.Contains(string(b), `"why":"banned"`) {
		t.Errorf("%v: %s", err, b)
	}
}

// Its page is read when the ban is known, and has what was said after it.
func TestCursorThatIsResetGivesNothingAfterABan(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	r := readerAs(t, h, "u_eve", "nonsense")
	log.happen(ban("a", "u_eve"))
	log.post("a", "after")
	if b, err := r.Ready(soon(t)); !errors.Is(err, hub.Loss{Room: "a", Why: chat.WhyBanned}) {
		t.Errorf("got %q and %v", b.AppendSSE(nil), err)
	}
}

// What comes while a room is reset waits for its last page. A ban does not.
func TestBanDuringAResetDoesNotWait(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		c := newClient(t, serve(t, newHub(t, log), k), "a")
		c.user = "u_eve"
		c.connect(soon(t))
		c.next()
		held := log.hold()
		log.flush("a", "new")
		<-held // the page was read, and is not answered
		log.happen(ban("a", "u_eve"))
		if c.toEnd(); c.bye.Why != chat.WhyBanned {
			t.Errorf("ended with %+v, resets %d", c.bye, c.resets)
		}
		held <- struct{}{}
	})
}
