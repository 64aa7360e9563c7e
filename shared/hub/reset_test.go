package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
)

func TestFlushedLogIsOneResetThenTheTruth(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		h := newHub(t, log)
		base := serve(t, h, k)
		c := newClient(t, base, "a", "b")
		c.connect(t.Context())
		c.next() // the opening
		log.post("a", "old")
		log.post("b", "stays")
		c.next()
		c.next()
		log.flush("a")
		for c.resets == 0 && c.next() {
		}
		log.post("a", "new")
		for len(c.seen["a"]) == 0 && c.next() {
		}
		if c.resets != 1 || !slices.Equal(c.seen["a"], []string{"new"}) || !slices.Equal(c.seen["b"], []string{"stays"}) {
			t.Errorf("%d resets, a %v, b %v", c.resets, c.seen["a"], c.seen["b"])
		}
		c.body.Close()
	})
}

// The log is read for the page after a reset, and the subscription delivers as well.
func TestPageAfterAResetGoesOnWithoutGapOrRepeat(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for _, received := range []string{"after the page was read", "before", "before, and more than a room keeps"} {
			t.Run(received, func(t *testing.T) {
				log := newFakeLog()
				h := newHub(t, log)
				c := newClient(t, serve(t, h, k), "a")
				c.connect(t.Context())
				defer c.body.Close()
				c.next() // the opening
				n := 3
				held := log.hold()
				deliver := log.flush("a", numbers(n)...)
				<-held // the page was read
				if received != "after the page was read" {
					deliver()
				}
				if received == "before, and more than a room keeps" {
					for ; n < 100; n++ {
						log.post("a", fmt.Sprintf("%03000d", n))
					}
				}
				held <- struct{}{}
				for c.resets == 0 && c.next() {
				}
				if received == "after the page was read" {
					deliver()
				}
				log.post("a", fmt.Sprint(n))
				for !slices.Contains(c.seen["a"], fmt.Sprint(n)) && c.next() {
				}
				if seen := c.seen["a"]; c.resets != 1 || len(seen) < 4 || !endsWhole(seen, n+1) {
					t.Errorf("%d resets, then not the end of %d lines: %v", c.resets, n+1, short(seen))
				}
			})
		}
	})
}

// Listeners hear late, the log is slow and is flushed now and then, and readers
// come and go: what one is shown after its last reset is the end of what was
// posted, without gap or repeat.
func TestReadersSeeTheTruthWhateverTheLogDoes(t *testing.T) {
	rooms := []chat.RoomID{"a", "b"}
	each(t, func(t *testing.T, k kind) {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				log := newFakeLog()
				for _, room := range rooms {
					log.roomLog(room).late = true
				}
				base := serve(t, newHub(t, log), k)
				const lines = 400
				posted := make(chan struct{})
				var wg sync.WaitGroup
				wg.Go(func() {
					defer close(posted)
					rnd := rand.New(rand.NewPCG(seed, 1))
					for n := range lines {
						for _, room := range rooms {
							if n > 0 && n < lines-10 && rnd.IntN(60) == 0 {
								log.flush(room)
							}
							log.post(room, fmt.Sprintf("%0*d", 1+rnd.IntN(2)*3000, n))
						}
						if rnd.IntN(4) == 0 {
							time.Sleep(time.Duration(rnd.IntN(1500)) * time.Microsecond)
						}
					}
				})
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, 2))
					for delivered := false; !delivered; {
						select {
						case <-posted:
							delivered = !log.catchUp()
						default:
							for range rnd.IntN(20) {
								log.catchUp()
							}
							time.Sleep(time.Duration(rnd.IntN(800)) * time.Microsecond)
						}
					}
				})
				for i := range 6 {
					wg.Go(func() {
						c := newClient(t, base, rooms[:1+i%2]...)
						if i > 2 {
							c.cursor = strings.TrimSuffix(strings.Repeat("0-0,", len(c.rooms)), ",")
						}
						rnd := rand.New(rand.NewPCG(seed, uint64(3+i)))
						c.readUntil(rnd, func() bool {
							return !slices.ContainsFunc(c.rooms, func(room chat.RoomID) bool { return c.latest(room) < lines-1 })
						})
						for _, room := range c.rooms {
							if !endsWhole(c.seen[room], lines) {
								t.Errorf("reader %d of %s, %d resets: not the end of %d lines: %v", i, room, c.resets, lines, short(c.seen[room]))
							}
						}
					})
				}
				wg.Wait()
			})
		}
	})
}

// latest is the number of a room's last line, or -1.
func (c *client) latest(room chat.RoomID) int {
	seen := c.seen[room]
	if len(seen) == 0 {
		return -1
	}
	return short(seen[len(seen)-1:])[0]
}

// short has the numbers of lines that may be long with zeros.
func short(lines []string) (at []int) {
	for _, text := range lines {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		at = append(at, n)
	}
	return at
}

// endsWhole reports whether lines are the last of n, without gap or repeat.
func endsWhole(lines []string, n int) bool {
	for i, at := range short(lines) {
		if at != n-len(lines)+i {
			return false
		}
	}
	return true
}

func TestMuchIsSaidWhileARoomIsOpened(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		for i := range 10 {
			log.post("a", fmt.Sprint(i))
		}
		held := log.hold()
		go func() {
			<-held                      // the room is followed, and its past was read
			for i := 10; i < 100; i++ { // more than it keeps
				log.post("a", fmt.Sprintf("%03000d", i))
			}
			held <- struct{}{}
		}()
		c := newClient(t, serve(t, newHub(t, log), k), "a")
		c.cursor = "2000-0"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.connect(ctx)
		defer c.body.Close()
		for len(c.seen["a"]) < 98 && c.next() {
		}
		if seen := c.seen["a"]; c.resets != 0 || len(seen) != 98 || !endsWhole(seen, 100) {
			t.Errorf("%d resets, then not the lines from 2 to 99: %v", c.resets, short(seen))
		}
	})
}

func TestWhatIsSaidWhileAReaderIsResetIsNotMissed(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		base := serve(t, newHub(t, log), k)
		other := newClient(t, base, "a")
		other.connect(t.Context())
		defer other.body.Close()
		other.next() // the room is open
		held := log.hold()
		go func() {
			<-held // the page was read, and is empty
			log.post("a", "0")
			for other.next() && len(other.seen["a"]) == 0 { // it is received
			}
			held <- struct{}{}
		}()
		c := newClient(t, base, "a")
		c.cursor = "nonsense"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.connect(ctx)
		defer c.body.Close()
		for len(c.seen["a"]) == 0 && c.next() {
		}
		if c.resets != 1 || !slices.Equal(c.seen["a"], numbers(1)) {
			t.Errorf("%d resets, then %v", c.resets, c.seen["a"])
		}
	})
}
