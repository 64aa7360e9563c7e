package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

func TestDurabilityIsRead(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"all", "replicas:", "replicas:0", "replicas:x", "primary:1"} {
		if _, err := redis.Open(t.Context(), store.Options{URL: "redis://127.0.0.1:1", Durability: bad}); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}

func TestEventIsSeenOnceAllReplicasHaveIt(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	opts := store.Options{URL: nodes[0].url(), Durability: "replicas"}
	s, other := open(t, opts), open(t, opts)
	tp := follow(t.Context(), t, other)
	a := say(t, s, ann, "a")
	tp.Hears(time.Second, a.ID)

	nodes[2].kill()
	unseen := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "b", Key: "b"}
	for range 2 { // the repeat finds it, and waits as well
		unavailable(t, s)
		refuse(t, s, unseen, chat.ErrUnavailable)
	}
	late := open(t, opts) // a server that starts now knows how many there should be
	refuse(t, late, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "c", Key: "c"}, chat.ErrUnavailable)
	for _, s := range []*redis.Store{s, other, late} {
		if got := texts(must(s.Since(t.Context(), room, chat.ID{}, 10))(t)); got != "a" {
			t.Errorf("since sees %q", got)
		}
		if got := texts(must(s.Before(t.Context(), room, chat.ID{}, 10))(t)); got != "a" {
			t.Errorf("before sees %q", got)
		}
		if got := must(s.Last(t.Context(), room))(t)[0]; got != a.ID {
			t.Errorf("last is %s", got)
		}
		if got := must(s.Rooms(t.Context(), room))(t)[0].Last; got != a.ID {
			t.Errorf("the room's last is %s", got)
		}
	}
	tp.Hears(0, a.ID)

	nodes[2].start()
	var b chat.Line
	eventually(t, 10*time.Second, "the repeat is confirmed", func() (err error) {
		var replayed bool
		b, replayed, err = s.Append(t.Context(), unseen)
		if err == nil && !replayed {
			t.Error("the repeat is another event")
		}
		return err
	})
	d := say(t, s, ann, "d")
	evs := must(late.Since(t.Context(), room, chat.ID{}, 20))(t)
	chained(t, chat.ID{}, evs)
	if got := texts(evs); got != "a lost? b lost? c d" {
		t.Errorf("the log shows %q", got)
	}
	var ids []chat.ID
	for _, ev := range evs {
		ids = append(ids, ev.ID)
	}
	tp.Hears(2*time.Second, ids...)
	if evs[2].ID != b.ID || evs[5].ID != d.ID {
		t.Errorf("b is %s, d is %s", b.ID, d.ID)
	}
}

// Nobody repeats the post and nobody posts: a reader finds that there is more.
func TestUnseenEventIsShownWhenReplicasAreBack(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 1)
	opts := store.Options{URL: nodes[0].url(), Durability: "replicas"}
	s := open(t, opts)
	a := say(t, s, ann, "a")
	tp := follow(t.Context(), t, s)
	nodes[1].kill()
	refuse(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "b"}, chat.ErrUnavailable)
	nodes[1].start()
	tp.Await(15*time.Second, "b", func() bool { return len(tp.Events) == 1 })
	if tp.Events[0].Prev != a.ID || len(tp.Resets) > 0 {
		t.Errorf("heard %+v, resets %v", tp.Events, tp.Resets)
	}
}

// A primary that was replaced may come back, empty, before it is told so. What
// it says of a log is believed when replicas follow it.
func TestEmptyPrimaryIsBelievedOnceReplicasFollowIt(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 1)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "replicas"})
	a := say(t, s, ann, "a")
	tp := follow(t.Context(), t, s)
	nodes[1].kill()
	nodes[0].do("FLUSHALL")
	for range 2 {
		if _, err := s.Since(t.Context(), room, a.ID, 10); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("the empty log is read: %v", err)
		}
		s.CutSubscription() // the follower looks
	}
	nodes[1].start()
	tp.Await(15*time.Second, "a reset", func() bool { return len(tp.Resets) > 0 })
	if _, err := s.Since(t.Context(), room, a.ID, 10); !errors.Is(err, chat.ErrReset) {
		t.Errorf("the log is really empty: %v", err)
	}
	tp.Hears(10*time.Second, say(t, s, ann, "b").ID)
	if len(tp.Resets) != 1 {
		t.Errorf("resets: %v", tp.Resets)
	}
}

func TestSoManyReplicasAsAskedFor(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "replicas:1"})
	say(t, s, ann, "two are here")
	nodes[2].kill()
	say(t, s, ann, "one is enough")
	nodes[1].kill()
	unavailable(t, s)
}
