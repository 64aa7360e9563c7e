package redis_test

import (
	"errors"
	"strings"
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
	eventually(t, 5*time.Second, "two of three are enough", func() error { // at once, but Redis 6.2 takes a dead one for one that follows
		_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "one", Key: "one"})
		return err
	})
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

// A replica that does not answer may take over, for as long as Sentinel takes
// it for as good as the other. Then the other one is enough.
func TestMajorityWaitsForAReplicaThatMayTakeOver(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"})
	say(t, s, ann, "all are here")
	nodes[2].signal(testenv.Freeze)
	frozen := time.Now()
	unavailable(t, s)
	eventually(t, patience, "one replica is enough", func() error {
		_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "one", Key: "one"})
		return err
	})
	if took := time.Since(frozen); took < 12*time.Second {
		t.Errorf("a replica that may take over was waited for for %v", took)
	}
	for range 3 {
		begun := time.Now()
		say(t, s, ann, "two of three are")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a post took %v", took)
		}
	}
	nodes[2].signal(testenv.Thaw)
	eventually(t, patience, "it keeps up again", func() error {
		if nodes[2].info("slave_repl_offset") != nodes[0].info("master_repl_offset") {
			return errNotYet
		}
		return nil
	})
	id := say(t, s, ann, "all are here again").ID
	if last := nodes[2].do("HGET", lobby("meta"), "last"); last != id.String() {
		t.Errorf("the replica that is back has %v, acknowledged was %s", last, id)
	}
}

// The old primary and the replica that still follows it are a majority, while
// the other replica is the primary already.
func TestMajorityEndsWhereAnotherPrimaryTookOver(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	s := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"})
	say(t, s, ann, "all are here")
	nodes[2].do("REPLICAOF", "NO", "ONE")
	for range 3 {
		unavailable(t, s)
	}
	late := open(t, store.Options{URL: nodes[0].url(), Durability: "majority"}) // it knows which they were
	unavailable(t, late)
	if err := s.Ready(t.Context()); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("the primary was replaced: %v", err)
	}
}
