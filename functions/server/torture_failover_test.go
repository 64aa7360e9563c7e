package main_test

import (
	"context"
	"slices"
	"testing"
	"time"
)

// DURABILITY=replicas promises that a failover takes back no line that was
// acknowledged, and none that was shown.

// sentinel runs a load on a primary with two replicas, and what do does to it.
func sentinel(t *testing.T, name string, do func(*round, *load, *sentinelSet)) {
	torture(t, name, func(r *round) {
		set := startSentinel(r)
		s := start(r, openTo(set.URL(), "DURABILITY=replicas")...)
		l := r.load(plan{}, s.URL)
		for range some(1, 4) {
			r.calm()
			do(r, l, set)
			set.awaitReplicas(2)
			l.heal()
		}
		r.calm()
		l.whole()
		if l.figures.back > flowsAgain {
			r.Errorf("flowing %v after", l.figures.back)
		}
	})
}

// Replicas that lag have not got what a primary alone would acknowledge.
func lag(replicas ...*redisServer) (catchUp func()) {
	for _, r := range replicas {
		r.pause()
	}
	time.Sleep(500 * time.Millisecond)
	return func() {
		for _, r := range replicas {
			r.resume()
		}
	}
}

func TestTortureSentinelPrimaryIsKilled(t *testing.T) {
	sentinel(t, "Sentinel, replicas: primary kill -9", func(r *round, l *load, set *sentinelSet) {
		old := set.primary()
		catchUp := lag(set.replicas(old)...)
		old.kill()
		catchUp()
		set.awaitOther(old)
		old.start()
	})
}

func TestTortureSentinelIsOrdered(t *testing.T) {
	sentinel(t, "Sentinel, replicas: ordered failover", func(r *round, l *load, set *sentinelSet) {
		old := set.primary()
		catchUp := lag(set.replicas(old)[0])
		set.sentinels[0].must("sentinel", "failover", masterName)
		catchUp()
		set.awaitOther(old)
	})
}

// The old primary wakes up after another was made, and does not know.
func TestTortureSentinelPrimaryIsCutOff(t *testing.T) {
	sentinel(t, "Sentinel, replicas: primary stopped, comes back", func(r *round, l *load, set *sentinelSet) {
		old := set.primary()
		old.pause()
		set.awaitOther(old)
		old.resume()
	})
}

// The old primary and our server are on one side of a network that fell apart,
// and all others on the other: what is posted cannot be confirmed, and must
// not be shown, since the failover on the other side takes it back.
func TestTortureSentinelIsParted(t *testing.T) {
	sentinel(t, "Sentinel, replicas: server and primary parted from the rest", func(r *round, l *load, set *sentinelSet) {
		old := set.primary()
		undo := old.isolate(slices.Concat(set.nodes, set.sentinels), true)
		set.awaitOther(old)
		l.showsNothing(old)
		undo()
	})
}

// As before, but our server reaches both sides.
func TestTortureSentinelPrimaryIsParted(t *testing.T) {
	sentinel(t, "Sentinel, replicas: primary parted from the rest", func(_ *round, _ *load, set *sentinelSet) {
		old := set.primary()
		undo := old.isolate(slices.Concat(set.nodes, set.sentinels), false)
		set.awaitOther(old)
		undo()
	})
}

// showsNothing fails when lines are shown of a primary that was replaced.
func (l *load) showsNothing(old *redisServer) {
	l.Helper()
	shown := l.shown()
	time.Sleep(time.Second)
	if more := l.shown() - shown; more > 0 {
		l.Errorf("%d lines were shown on the side that loses", more)
	}
	if role := old.info("replication", "role"); role != "master" {
		l.Errorf("the old primary is a %s: it was not parted", role)
	}
}

func TestTortureReplicasDoNotConfirm(t *testing.T) {
	torture(t, "replicas: one stops, 503 until it is back", func(r *round) {
		primary := newRedis(r)
		s := start(r, openTo(primary.URL(), "DURABILITY=replicas:1")...)
		replica := newRedis(r, "--replicaof", "127.0.0.1 "+primary.port())
		l := r.load(plan{}, s.URL)
		r.calm()
		replica.pause()
		time.Sleep(3 * time.Second)
		shown := l.shown()
		time.Sleep(2 * time.Second)
		if more := l.shown() - shown; more > 0 {
			r.Errorf("%d lines were shown that no replica has", more)
		}
		replica.resume()
		l.heal()
		r.calm()
		l.checkStreams()
		if l.codes[503] == 0 {
			r.Errorf("no post was answered 503: %v", l.codes)
		}
	})
}

// shown counts what is on all screens.
func (l *load) shown() (n int) {
	for _, w := range l.readers {
		w.mu.Lock()
		n += len(w.Steps)
		w.mu.Unlock()
	}
	return n
}

// cluster runs a load on three primaries with a replica each.
func cluster(t *testing.T, name string, p plan, do func(l *load, c *redisCluster, primary *redisServer)) {
	torture(t, name, func(r *round) {
		c := startCluster(r)
		s := start(r, openTo(c.URL(), "DURABILITY=replicas")...)
		l := r.load(p, s.URL)
		for i := range some(1, 4) {
			r.calm()
			primary := c.owner("{" + l.rooms[i%len(l.rooms)] + "}")
			do(l, c, primary)
			primary.await("its place as a replica", func(context.Context) bool {
				return primary.info("replication", "master_link_status") == "up"
			})
			l.heal()
		}
		r.calm()
		l.whole()
		if l.figures.back > flowsAgain {
			r.Errorf("flowing %v after", l.figures.back)
		}
	})
}

func TestTortureClusterPrimaryIsKilled(t *testing.T) {
	cluster(t, "Cluster, replicas: primary kill -9", plan{}, func(_ *load, c *redisCluster, primary *redisServer) {
		next := c.replicaOf(primary)
		catchUp := lag(next)
		primary.kill()
		catchUp()
		next.awaitPromotion()
		primary.start()
	})
}

func TestTortureClusterIsOrdered(t *testing.T) {
	cluster(t, "Cluster, replicas: ordered failover", plan{}, func(_ *load, c *redisCluster, primary *redisServer) {
		c.replicaOf(primary).must("cluster", "failover")
	})
}

// The old primary wakes up after its replica took its place.
func TestTortureClusterPrimaryIsCutOff(t *testing.T) {
	cluster(t, "Cluster, replicas: primary stopped, comes back", plan{}, func(_ *load, c *redisCluster, primary *redisServer) {
		next := c.replicaOf(primary)
		primary.pause()
		next.awaitPromotion()
		primary.resume()
	})
}

// A node that does not see most of the primaries takes no more writes after a
// second; what it took until then is not to be shown. All authors are in the
// one room that it has: nobody waits for a node on the other side.
func TestTortureClusterIsParted(t *testing.T) {
	cluster(t, "Cluster, replicas: server and primary parted from the rest", plan{rooms: 1}, func(l *load, c *redisCluster, primary *redisServer) {
		next := c.replicaOf(primary)
		undo := primary.isolate(c.nodes, true)
		next.awaitPromotion()
		l.showsNothing(primary)
		undo()
	})
}

func TestTortureClusterPrimaryIsParted(t *testing.T) {
	cluster(t, "Cluster, replicas: primary parted from the rest", plan{rooms: 1}, func(_ *load, c *redisCluster, primary *redisServer) {
		next := c.replicaOf(primary)
		undo := primary.isolate(c.nodes, false)
		next.awaitPromotion()
		undo()
	})
}
