package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/store/storetest"
	"confab/shared/testenv"
)

// survive has two stores write and read while accident happens to their
// Redis, and then compares: what was acknowledged is there, each line once,
// and every follower was told the log, the whole log and nothing but.
func survive(t *testing.T, opts store.Options, accident func()) {
	t.Helper()
	stores := []*redis.Store{open(t, opts), open(t, opts)}
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
		tp.Await(10*time.Second, "the last line", func() bool { return tp.Last == last })
		if len(tp.Resets) > 0 {
			t.Errorf("resets: %v", tp.Resets)
		}
		if got, want := len(tp.Events), len(evs)-1; got != want {
			t.Errorf("a follower heard %d events, want %d", got, want)
		}
		chained(t, evs[0].ID, tp.Events)
	}
}

// insist posts a line until it is acknowledged, or the test is over.
func insist(ctx context.Context, s *redis.Store, key string) (chat.ID, bool) {
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
func whole(t *testing.T, s *redis.Store) []chat.Event {
	t.Helper()
	var evs []chat.Event
	for after := (chat.ID{}); ; {
		var page []chat.Event
		eventually(t, patience, "the log is read", func() (err error) { // a connection may still be to the node that died
			page, err = s.Since(t.Context(), room, after, 500)
			return err
		})
		if len(page) == 0 {
			return evs
		}
		evs = append(evs, page...)
		after = page[len(page)-1].ID
	}
}

func TestSentinelFailoverTakesNoLineBack(t *testing.T) {
	t.Parallel()
	for _, durability := range []string{"replicas", "majority"} {
		t.Run(durability, func(t *testing.T) {
			t.Parallel()
			failOver(t, sentinels(t), durability, 2)
		})
	}
}

// failOver has another server become the primary, once by order and once because
// the primary died. So many replicas are there again afterwards.
func failOver(t *testing.T, g *group, durability string, replicas int) {
	opts := store.Options{URL: g.url, Durability: durability}
	t.Run("ordered", func(t *testing.T) {
		g.tb = t
		survive(t, opts, func() {
			was := g.primary()
			g.order()
			g.successor(was).hasReplicas(replicas)
		})
	})
	flush(g)
	t.Run("crash", func(t *testing.T) {
		g.tb = t
		survive(t, opts, func() {
			was := g.primary()
			was.kill()
			next := g.successor(was)
			was.start()
			next.hasReplicas(replicas)
		})
	})
	flush(g)
}

// A primary that is paused long enough to be replaced comes back as one, for a
// moment: what it took then, nobody saw and nobody was promised.
func TestPausedPrimaryTakesNoLineBack(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *group{"sentinel": sentinels, "cluster": cluster} {
		for _, durability := range []string{"replicas", "majority"} {
			t.Run(name+", "+durability, func(t *testing.T) {
				t.Parallel()
				g := start(t)
				survive(t, store.Options{URL: g.url, Durability: durability}, func() {
					was := g.primary()
					was.signal(testenv.Freeze)
					next := g.successor(was)
					was.signal(testenv.Thaw)
					next.hasReplicas(map[string]int{"sentinel": 2, "cluster": 1}[name])
				})
			})
		}
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
		if dead.rdb.Exists(t.Context(), redis.KeyOf(chat.RoomID(name), "log")).Err() == nil {
			gone = chat.RoomID(name)
		}
	}
	must(s.Here(t.Context(), "s1", gone, ann))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(s.Follow(ctx, gone, storetest.NewTape(t)))(t)
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
		tp.Hears(10*time.Second, want...)
	}
	one := say(t, s, ann, "and heard at once")
	want = append(want, one.ID)
	for _, tp := range tapes {
		tp.Hears(time.Second, want...)
	}
}

func TestClusterFailoverTakesNoLineBack(t *testing.T) {
	t.Parallel()
	g := cluster(t)
	failOver(t, g, "replicas", 1)
	for _, durability := range []string{"primary", "replicas"} {
		t.Run("slot moves, "+durability, func(t *testing.T) {
			survive(t, store.Options{URL: g.url, Durability: durability}, func() { g.migrate(lobby("log")) })
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
