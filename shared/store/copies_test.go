package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func TestDurabilityIsRead(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"all", "replicas:", "replicas:0", "replicas:x", "primary:1"} {
		if _, err := store.Open(t.Context(), store.Options{URL: "redis://127.0.0.1:1", Durability: bad}); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
	if _, err := store.OpenLocal(t.Context(), store.Options{Dir: t.TempDir(), Durability: "replicas"}); err == nil {
		t.Error("the built-in Redis has replicas")
	}
}

func TestEventIsSeenOnceAllReplicasHaveIt(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	opts := store.Options{URL: nodes[0].url(), Durability: "replicas"}
	s, other := open(t, opts), open(t, opts)
	tp := follow(t.Context(), t, other)
	a := say(t, s, ann, "a")
	tp.hears(time.Second, a.ID)

	nodes[2].kill()
	unseen := chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "b", Key: "b"}
	for range 2 { // the repeat finds it, and waits as well
		unavailable(t, s)
		refuse(t, s, unseen, chat.ErrUnavailable)
	}
	late := open(t, opts) // a server that starts now knows how many there should be
	refuse(t, late, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "c", Key: "c"}, chat.ErrUnavailable)
	for _, s := range []*store.Store{s, other, late} {
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
	tp.hears(0, a.ID)

	nodes[2].start()
	var b chat.Event
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
	tp.hears(2*time.Second, ids...)
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
	tp.await(15*time.Second, "b", func() bool { return len(tp.events) == 1 })
	if tp.events[0].Prev != a.ID || len(tp.resets) > 0 {
		t.Errorf("heard %+v, resets %v", tp.events, tp.resets)
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
		s.CutBell() // the follower looks
	}
	nodes[1].start()
	tp.await(15*time.Second, "a reset", func() bool { return len(tp.resets) > 0 })
	if _, err := s.Since(t.Context(), room, a.ID, 10); !errors.Is(err, chat.ErrReset) {
		t.Errorf("the log is really empty: %v", err)
	}
	tp.hears(10*time.Second, say(t, s, ann, "b").ID)
	if len(tp.resets) != 1 {
		t.Errorf("resets: %v", tp.resets)
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

// survive has two stores write and read while accident happens to their
// Redis, and then compares: what was acknowledged is there, each line once,
// and every follower was told the log, the whole log and nothing but.
func survive(t *testing.T, opts store.Options, accident func()) {
	t.Helper()
	stores := []*store.Store{open(t, opts), open(t, opts)}
	say(t, stores[0], bob, "the first")
	var tapes []*tape
	for _, s := range stores {
		tapes = append(tapes, follow(t.Context(), t, s))
	}
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	acked := map[string]chat.ID{}
	var writers sync.WaitGroup
	var count atomic.Int64
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%d-%d", w, i)
				id, ok := insist(ctx, stores[w%2], key)
				if !ok {
					return
				}
				mu.Lock()
				acked[key] = id
				mu.Unlock()
				count.Add(1)
			}
		})
	}
	flows := func() {
		t.Helper()
		was := count.Load()
		eventually(t, patience, "posts flow", func() error {
			if count.Load() < was+40 {
				return errNotYet
			}
			return nil
		})
	}
	flows()
	accident()
	flows()
	stop()
	writers.Wait()

	evs := whole(t, stores[0])
	chained(t, chat.ID{}, evs)
	found := map[string]chat.ID{}
	for _, ev := range evs {
		if _, twice := found[ev.Text]; twice {
			t.Errorf("%s is there twice", ev.Text)
		}
		found[ev.Text] = ev.ID
	}
	lost := 0
	for key, id := range acked {
		if found[key] != id {
			lost++
		}
	}
	t.Logf("%d acknowledged, %d in the log, %d lost", len(acked), len(evs), lost)
	if lost > 0 {
		t.Errorf("%d of %d acknowledged lines are lost", lost, len(acked))
	}
	last := evs[len(evs)-1].ID
	for _, tp := range tapes {
		tp.await(10*time.Second, "the last line", func() bool { return tp.last == last })
		if len(tp.resets) > 0 {
			t.Errorf("resets: %v", tp.resets)
		}
		if got, want := len(tp.events), len(evs)-1; got != want {
			t.Errorf("a follower heard %d events, want %d", got, want)
		}
		chained(t, evs[0].ID, tp.events)
	}
}

// insist posts a line until it is acknowledged, or the test is over.
func insist(ctx context.Context, s *store.Store, key string) (chat.ID, bool) {
	for ctx.Err() == nil {
		ev, _, err := s.Append(context.WithoutCancel(ctx), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: key, Key: key})
		if err == nil {
			return ev.ID, true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return chat.ID{}, false
}

// whole reads the log when nothing is under way any more.
func whole(t *testing.T, s *store.Store) []chat.Event {
	t.Helper()
	var evs []chat.Event
	for after := (chat.ID{}); ; {
		page := must(s.Since(t.Context(), room, after, 500))(t)
		if len(page) == 0 {
			return evs
		}
		evs = append(evs, page...)
		after = page[len(page)-1].ID
	}
}

func TestSentinelFailoverTakesNoLineBack(t *testing.T) {
	t.Parallel()
	g := sentinels(t)
	t.Run("ordered", func(t *testing.T) {
		g.tb = t
		survive(t, store.Options{URL: g.url, Durability: "replicas"}, func() {
			was := g.primary()
			g.order()
			g.successor(was).hasReplicas(2)
		})
	})
	flush(g)
	t.Run("crash", func(t *testing.T) {
		g.tb = t
		survive(t, store.Options{URL: g.url, Durability: "replicas"}, func() {
			was := g.primary()
			was.kill()
			next := g.successor(was)
			was.start()
			next.hasReplicas(2)
		})
	})
}

// A primary that is paused long enough to be replaced comes back as one, for a
// moment: what it took then, nobody saw and nobody was promised.
func TestPausedPrimaryTakesNoLineBack(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *group{"sentinel": sentinels, "cluster": cluster} {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			survive(t, store.Options{URL: g.url, Durability: "replicas"}, func() {
				was := g.primary()
				was.signal(syscall.SIGSTOP)
				next := g.successor(was)
				was.signal(syscall.SIGCONT)
				next.hasReplicas(map[string]int{"sentinel": 2, "cluster": 1}[name])
			})
		})
	}
}

// Rooms of a shard that is dead for good do not disturb those of the others.
func TestClusterGoesOnWithoutAShard(t *testing.T) {
	t.Parallel()
	g := cluster(t)
	for _, n := range g.nodes {
		n.do("CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	s := open(t, store.Options{URL: g.url})
	other := open(t, store.Options{URL: g.url})
	say(t, s, ann, "before")
	tapes := []*tape{follow(t.Context(), t, s), follow(t.Context(), t, other)}
	lobby := g.primary()
	dead := g.node(func(n *server) bool { return n != lobby && n.info("role") == "master" })
	replica := g.node(func(n *server) bool { return n.info("master_port") == dead.port })
	var gone chat.RoomID // a room of the dead shard
	for i := 0; gone == ""; i++ {
		name := fmt.Sprint("room", i)
		if dead.rdb.Exists(t.Context(), "confab:{"+name+"}:log").Err() == nil {
			gone = chat.RoomID(name)
		}
	}
	must(s.Here(t.Context(), "s1", gone, ann))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(s.Follow(ctx, gone, &tape{tb: t, more: make(chan struct{})}))(t)
	replica.kill()
	dead.kill()
	var want []chat.ID
	for i := range 20 {
		begun := time.Now()
		want = append(want, say(t, s, ann, fmt.Sprint(i)).ID)
		if took := time.Since(begun); took > 500*time.Millisecond {
			t.Errorf("a post in a living room took %v", took)
		}
		_, _, err := s.Append(t.Context(), chat.Event{Room: gone, Kind: chat.Message, By: ann, Text: "x"})
		if !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("a post in a dead room: %v", err)
		}
	}
	for _, tp := range tapes {
		tp.hears(10*time.Second, want...)
	}
	one := say(t, s, ann, "and heard at once")
	want = append(want, one.ID)
	for _, tp := range tapes {
		tp.hears(time.Second, want...)
	}
}

func TestClusterFailoverTakesNoLineBack(t *testing.T) {
	t.Parallel()
	g := cluster(t)
	t.Run("ordered", func(t *testing.T) {
		g.tb = t
		survive(t, store.Options{URL: g.url, Durability: "replicas"}, func() {
			was := g.primary()
			g.order()
			g.successor(was).hasReplicas(1)
		})
	})
	flush(g)
	t.Run("crash", func(t *testing.T) {
		g.tb = t
		survive(t, store.Options{URL: g.url, Durability: "replicas"}, func() {
			was := g.primary()
			was.kill()
			next := g.successor(was)
			was.start()
			next.hasReplicas(1)
		})
	})
	flush(g)
	for _, durability := range []string{"primary", "replicas"} {
		t.Run("slot moves, "+durability, func(t *testing.T) {
			survive(t, store.Options{URL: g.url, Durability: durability}, func() { g.migrate("confab:{lobby}:log") })
		})
		flush(g)
	}
}

func flush(g *group) {
	for _, n := range g.nodes {
		if n.info("role") == "master" {
			n.do("FLUSHALL")
		}
	}
}
