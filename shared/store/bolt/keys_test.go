package bolt_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
)

// A clock that a test sets, and that the store's goroutines read.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) set(now time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = now }

func TestKeysAreKnownAfterAStart(t *testing.T) {
	dir := t.TempDir()
	s, closed := open(t, store.Options{Dir: dir})
	ev := message(ann, "hi")
	ev.Key = "k1"
	first := add(t, s, ev)
	repeat(t, s, first, ev.Key)
	closed()
	s, _ = open(t, store.Options{Dir: dir})
	repeat(t, s, first, ev.Key)
	ev.Text = "other"
	refuse(t, s, ev, chat.ErrReused)
}

// Whatever the clock does meanwhile, a key is known for ten minutes, and not for
// ever.
func TestKeyIsKnownForTenMinutes(t *testing.T) {
	for name, jump := range map[string]time.Duration{"steady": 0, "forward": 10 * 365 * 24 * time.Hour, "back": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := &clock{now: time.Now()}
			s := must(bolt.OpenAt(t.Context(), store.Options{Dir: t.TempDir()}, c.Now))(t)
			defer s.Close()
			ev := message(ann, "hi")
			ev.Key = "k1"
			first := add(t, s, ev)
			c.set(c.Now().Add(jump))
			for i := range 9 {
				add(t, s, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "between", Key: fmt.Sprint(i)})
				c.set(c.Now().Add(time.Minute))
				repeat(t, s, first, ev.Key)
			}
			for i := range 9 {
				c.set(c.Now().Add(time.Minute))
				add(t, s, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "after", Key: fmt.Sprint("a", i)})
			}
			if again, replayed, err := s.Append(t.Context(), ev); err != nil || replayed || again.ID == first.ID {
				t.Errorf("after 18 minutes: %v, replayed %t, %v", again.ID, replayed, err)
			}
		})
	}
}

// Keys that are forgotten leave the file, so many with each commit.
func TestForgottenKeysLeaveTheFile(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Now()}
	s := must(bolt.OpenAt(t.Context(), store.Options{Dir: t.TempDir()}, c.Now))(t)
	defer s.Close()
	for i := range 100 {
		add(t, s, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "x", Key: fmt.Sprint(i)})
		c.set(c.Now().Add(time.Minute))
	}
	if n := s.KeyBuckets(); n > 7 {
		t.Errorf("the file has %d generations of keys", n)
	}
}
