package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

func each(t *testing.T, f func(t *testing.T, k kind)) {
	for _, k := range []kind{adopted, plain, goroutine} {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

// numbers are "0" … "n-1".
func numbers(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprint(i)
	}
	return s
}

func TestReaderSeesEachLineOnceHoweverOftenItIsCut(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		const lines, readers = 1500, 8
		log := newFakeLog()
		h := newHub(t, log)
		base := serve(t, h, k)
		rooms := []chat.RoomID{"a", "b", "c"}
		for _, room := range rooms {
			log.post(room, "0")
		}
		var wg sync.WaitGroup
		for i := range readers {
			mine := rooms[:1+i%3]
			wg.Go(func() {
				c := newClient(t, base, mine...)
				c.cursor = strings.TrimSuffix(strings.Repeat("0-0,", len(mine)), ",")
				c.readTo(lines, rand.New(rand.NewPCG(uint64(i), 7)))
				for _, room := range mine {
					if !slices.Equal(c.seen[room], numbers(lines)) {
						t.Errorf("reader %d of %v saw %d lines of %s, resets %d", i, mine, len(c.seen[room]), room, c.resets)
					}
				}
			})
		}
		for i := 1; i < lines; i++ {
			for _, room := range rooms {
				log.post(room, fmt.Sprint(i))
			}
			if i%50 == 0 {
				time.Sleep(time.Millisecond) // lets readers come between, nothing depends on it
			}
		}
		wg.Wait()
	})
}

func TestCursorThatTheLogDoesNotContinueIsReset(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		for i := range 1000 {
			log.post("a", fmt.Sprint(i))
		}
		log.cut("a", 500)
		h := newHub(t, log)
		base := serve(t, h, k)
		for _, cursor := range []string{"nonsense", "1", "1-0,2-0", "-", "2000-0", "999999999999-0", "700500-0", "18446744073709551616-0"} {
			c := newClient(t, base, "a")
			c.cursor = cursor
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			c.connect(ctx)
			for len(c.seen["a"]) < 50 && c.next() {
			}
			if c.resets != 1 || !slices.Equal(c.seen["a"], numbers(1000)[950:]) || c.cursor != "1000000-0" {
				t.Errorf("cursor %q: %d resets, %d lines, then at %s", cursor, c.resets, len(c.seen["a"]), c.cursor)
			}
			c.body.Close()
			cancel()
		}
	})
}

func TestCrowdThatComesBackReadsTheRingAndNotTheLog(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		const crowd = 300
		log := newFakeLog()
		for i := range 1000 {
			log.post("a", fmt.Sprint(i))
		}
		h := newHub(t, log)
		base := serve(t, h, k)
		var wg sync.WaitGroup
		for range crowd {
			wg.Go(func() {
				c := newClient(t, base, "a")
				c.cursor = "900000-0"
				c.connect(t.Context())
				for len(c.seen["a"]) < 100 && c.next() {
				}
				if !slices.Equal(c.seen["a"], numbers(1000)[900:]) {
					t.Errorf("saw %d lines", len(c.seen["a"]))
				}
				c.body.Close()
			})
		}
		wg.Wait()
		if n := log.reads.Load(); n > 1 {
			t.Errorf("%d reads of the log for one room", n)
		}
	})
}

func TestSlowReaderLagsAlone(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		h := newHub(t, log)
		base := serve(t, h, k)
		slow, quick := newClient(t, base, "a"), newClient(t, base, "a")
		slow.connect(t.Context())
		quick.connect(t.Context())
		quick.next()
		slow.next()
		const lines = 4000
		text := strings.Repeat("x", 4000)
		go func() {
			for i := range lines {
				log.post("a", fmt.Sprint(i, " ", text))
				if i%20 == 0 {
					time.Sleep(time.Millisecond) // 80 MB/s is enough
				}
			}
		}()
		for n := 0; n < lines; {
			if !quick.next() {
				quick.body.Close() // it fell off the ring too on a loaded machine: it comes back
				quick.connect(t.Context())
			}
			if n = len(quick.seen["a"]); n > 0 && !strings.HasPrefix(quick.seen["a"][n-1], fmt.Sprint(n-1)+" ") {
				t.Fatalf("line %d is %.10s", n-1, quick.seen["a"][n-1])
			}
		}
		got := 0
		for slow.next() {
			got++
		}
		if k == adopted && slow.frames.Err() == nil {
			t.Error("the slow one was told of an end, and not cut off")
		}
		if got == 0 || got >= lines {
			t.Errorf("the slow one read %d blocks before it was sent away", got)
		}
		slow.body.Close()
		quick.body.Close()
	})
}

func TestCloseSaysByeToEverybody(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		h := hub.New(log, nil)
		base := serve(t, h, k)
		c := newClient(t, base, "a")
		c.connect(t.Context())
		c.next()
		r, err := h.Read(t.Context(), "", []chat.RoomID{"a"}, "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h.Close(time.Second)
		for c.next() {
		}
		if _, err := r.Next(t.Context()); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Next after Close: %v", err)
		}
		if last := c.frames.Event(); k.adopt && last.Type != "bye" || c.frames.Err() != nil {
			t.Errorf("the stream ended with %q, error %v", last, c.frames.Err())
		}
	})
}
