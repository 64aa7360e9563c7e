package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/testenv"
)

// What keeps a server from counting replicas keeps it from promising them.
func TestReplicasThatCannotBeCountedAreNotPromised(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	nodes[0].do("ACL", "SETUSER", "chat", "on", ">secret", "~*", "&*", "+@all", "-info")
	opts := store.Options{URL: "redis://chat:secret@" + nodes[0].addr()}
	for _, durability := range []string{"replicas", "majority"} {
		opts.Durability, opts.Quick = durability, false
		if _, err := redis.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "ACL SETUSER chat") {
			t.Errorf("%s: a start without INFO: %v", durability, err)
		}
		opts.Quick = true // as a function starts
		s := open(t, opts)
		refuse(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "who has it?"}, chat.ErrUnavailable)
		if evs := must(s.Since(t.Context(), room, chat.ID{}, 10))(t); len(evs) > 0 {
			t.Errorf("%s: the log holds %q", durability, texts(evs))
		}
	}

	renamed := startRedis(t, "--rename-command", "INFO", "")
	if _, err := redis.Open(t.Context(), store.Options{URL: renamed.url(), Durability: "majority"}); err == nil {
		t.Error("a start where INFO is renamed")
	}
}

func TestMajorityGoesOnWithOneReplicaOfTwo(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"})
	say(t, s, ann, "all are here")
	nodes[2].kill()
	for range 3 {
		begun := time.Now()
		say(t, s, ann, "two of three are")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a post took %v", took)
		}
	}
	nodes[1].kill()
	unavailable(t, s)
	if err := s.Ready(t.Context()); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("without a majority: %v", err)
	}
	late := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"}) // it knows how many there were
	unavailable(t, late)
}

func TestMajorityWithoutReplicasPromisesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{URL: startRedis(t).url(), Durability: "majority"})
	unavailable(t, s)
}

// Which replica takes over is not ours to say. The one that is ahead has every
// line that was acknowledged, also while the other one does not follow.
func TestMajorityIsOnTheReplicaThatIsAhead(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"})
	say(t, s, ann, "all are here")
	nodes[2].signal(testenv.Freeze)
	var mu sync.Mutex
	var acked []chat.ID
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				ev, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "x", Key: fmt.Sprint(w, "-", i)})
				if err != nil {
					return
				}
				mu.Lock()
				acked = append(acked, ev.ID)
				mu.Unlock()
			}
		})
	}
	eventually(t, patience, "posts flow", func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(acked) < 200 {
			return errNotYet
		}
		return nil
	})
	nodes[0].kill()
	stop()
	writers.Wait()
	nodes[1].do("REPLICAOF", "NO", "ONE")
	heir := open(t, store.Options{URL: nodes[1].url()})
	found := map[chat.ID]bool{}
	for _, ev := range must(heir.Since(t.Context(), room, chat.ID{}, 100_000))(t) {
		found[ev.ID] = true
	}
	for _, id := range acked {
		if !found[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	t.Logf("%d acknowledged, %d there", len(acked), len(found))
}
