package faults_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

const orderedFailover = "ordered failover"

// DURABILITY=replicas and majority promise that a failover takes back no line
// that was acknowledged, and none that was shown.

// sentinel runs a load on a primary with two replicas, and what do does to it,
// with each of the two; but for what majority is there for, the short round has
// replicas only. The budget is how long nobody may see anything at majority, as
// the README says; the long round holds it.
func sentinel(t *testing.T, name string, budget time.Duration, do func(*round, *load, *redistest.Sentinels)) {
	durabilities := []string{"replicas", "majority"}
	if *tortureMinutes == 0 && name != orderedFailover {
		durabilities = durabilities[:1]
	}
	for _, durability := range durabilities {
		t.Run(durability, func(t *testing.T) {
			torture(t, "Sentinel, "+name+", "+durability, func(r *round) {
				set := redistest.StartSentinels(r)
				s := process.Start(r, openTo(set.URL(), "DURABILITY="+durability)...)
				l := r.load(plan{}, s.URL)
				for range some(1, 4) {
					r.calm()
					do(r, l, set)
					set.AwaitReplicas(2)
					l.heal()
				}
				r.calm()
				l.whole()
				if l.figures.back > flowsAgain {
					r.Errorf("flowing %v after", l.figures.back)
				}
				if *tortureMinutes > 0 && durability == "majority" && l.figures.silence > budget {
					r.Errorf("nothing was seen for %v, the budget is %v", l.figures.silence, budget)
				}
			})
		})
	}
}

// Replicas that lag have not got what a primary alone would acknowledge.
func lag(replicas ...*redistest.Server) (catchUp func()) {
	for _, r := range replicas {
		r.Pause()
	}
	pause(500 * time.Millisecond)
	return func() {
		for _, r := range replicas {
			r.Resume()
		}
	}
}

func TestTortureSentinelPrimaryIsKilled(t *testing.T) {
	sentinel(t, "primary kill -9", 6*time.Second, func(r *round, l *load, set *redistest.Sentinels) {
		old := set.Primary()
		catchUp := lag(set.Replicas(old)...)
		old.Kill()
		catchUp()
		set.AwaitOther(old)
		old.Start()
	})
}

func TestTortureSentinelIsOrdered(t *testing.T) {
	sentinel(t, orderedFailover, 4*time.Second, func(r *round, l *load, set *redistest.Sentinels) {
		old := set.Primary()
		catchUp := lag(set.Replicas(old)[0])
		set.Sentinels[0].Must("sentinel", "failover", redistest.MasterName)
		catchUp()
		set.AwaitOther(old)
	})
}

// A replica that died stops no post at majority, and all of them at replicas.
func TestTortureSentinelReplicaIsKilled(t *testing.T) {
	sentinel(t, "replica kill -9, back after 3 s", 6*time.Second, func(_ *round, _ *load, set *redistest.Sentinels) {
		replica := set.Replicas(set.Primary())[0]
		replica.Kill()
		pause(3 * time.Second)
		replica.Start()
	})
}

// A replica that does not answer may take over for a while, and is waited for.
func TestTortureSentinelReplicaIsStopped(t *testing.T) {
	sentinel(t, "replica stopped for 20 s", 16*time.Second, func(_ *round, _ *load, set *redistest.Sentinels) {
		replica := set.Replicas(set.Primary())[0]
		replica.Pause()
		pause(20 * time.Second)
		replica.Resume()
	})
}

// The old primary wakes up after another was made, and does not know.
func TestTortureSentinelPrimaryIsCutOff(t *testing.T) {
	sentinel(t, "primary stopped, comes back", 6*time.Second, func(r *round, l *load, set *redistest.Sentinels) {
		old := set.Primary()
		old.Pause()
		set.AwaitOther(old)
		old.Resume()
	})
}

// The old primary and our server are on one side of a network that fell apart,
// and all others on the other: what is posted cannot be confirmed, and must
// not be shown, since the failover on the other side takes it back.
func TestTortureSentinelIsParted(t *testing.T) {
	sentinel(t, "server and primary parted from the rest", 8*time.Second, func(r *round, l *load, set *redistest.Sentinels) {
		old := set.Primary()
		undo := old.Isolate(slices.Concat(set.Nodes, set.Sentinels), true)
		set.AwaitOther(old)
		l.showsNothing(old)
		undo()
	})
}

// As before, but our server reaches both sides.
func TestTortureSentinelPrimaryIsParted(t *testing.T) {
	sentinel(t, "primary parted from the rest", 8*time.Second, func(_ *round, _ *load, set *redistest.Sentinels) {
		old := set.Primary()
		undo := old.Isolate(slices.Concat(set.Nodes, set.Sentinels), false)
		set.AwaitOther(old)
		undo()
	})
}

// showsNothing fails when lines are shown of a primary that was replaced.
func (l *load) showsNothing(old *redistest.Server) {
	l.Helper()
	shown := l.shown()
	pause(time.Second)
	if more := l.shown() - shown; more > 0 {
		l.Errorf("%d lines were shown on the side that loses", more)
	}
	if role := old.Field("replication", "role"); role != "master" {
		l.Errorf("the old primary is a %s: it was not parted", role)
	}
}

func TestTortureReplicasDoNotConfirm(t *testing.T) {
	torture(t, "replicas: one stops, 503 until it is back", func(r *round) {
		primary := redistest.New(r)
		s := process.Start(r, openTo(primary.URL(), "DURABILITY=replicas:1")...)
		replica := redistest.New(r, "--replicaof", "127.0.0.1", primary.Port())
		l := r.load(plan{}, s.URL)
		r.calm()
		replica.Pause()
		pause(3 * time.Second)
		shown := l.shown()
		pause(2 * time.Second)
		if more := l.shown() - shown; more > 0 {
			r.Errorf("%d lines were shown that no replica has", more)
		}
		replica.Resume()
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
func cluster(t *testing.T, name string, p plan, do func(l *load, c *redistest.Cluster, primary *redistest.Server)) {
	torture(t, name, func(r *round) {
		c := redistest.StartCluster(r)
		s := process.Start(r, openTo(c.URL(), "DURABILITY=replicas")...)
		l := r.load(p, s.URL)
		for i := range some(1, 4) {
			r.calm()
			primary := c.Owner("{" + l.rooms[i%len(l.rooms)] + "}")
			do(l, c, primary)
			primary.Await("its place as a replica", func(context.Context) bool {
				return primary.Field("replication", "master_link_status") == "up"
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
	cluster(t, "Cluster, replicas: primary kill -9", plan{}, func(_ *load, c *redistest.Cluster, primary *redistest.Server) {
		next := c.ReplicaOf(primary)
		catchUp := lag(next)
		primary.Kill()
		catchUp()
		next.AwaitPromotion()
		primary.Start()
	})
}

func TestTortureClusterIsOrdered(t *testing.T) {
	cluster(t, "Cluster, replicas: ordered failover", plan{}, func(_ *load, c *redistest.Cluster, primary *redistest.Server) {
		c.ReplicaOf(primary).Must("cluster", "failover")
	})
}

// The old primary wakes up after its replica took its place.
func TestTortureClusterPrimaryIsCutOff(t *testing.T) {
	cluster(t, "Cluster, replicas: primary stopped, comes back", plan{}, func(_ *load, c *redistest.Cluster, primary *redistest.Server) {
		next := c.ReplicaOf(primary)
		primary.Pause()
		next.AwaitPromotion()
		primary.Resume()
	})
}

// A node that does not see most of the primaries takes no more writes after a
// second; what it took until then is not to be shown. All authors are in the
// one room that it has: nobody waits for a node on the other side.
func TestTortureClusterIsParted(t *testing.T) {
	cluster(t, "Cluster, replicas: server and primary parted from the rest", plan{rooms: 1}, func(l *load, c *redistest.Cluster, primary *redistest.Server) {
		next := c.ReplicaOf(primary)
		undo := primary.Isolate(c.Nodes, true)
		next.AwaitPromotion()
		l.showsNothing(primary)
		undo()
	})
}

func TestTortureClusterPrimaryIsParted(t *testing.T) {
	cluster(t, "Cluster, replicas: primary parted from the rest", plan{rooms: 1}, func(_ *load, c *redistest.Cluster, primary *redistest.Server) {
		next := c.ReplicaOf(primary)
		undo := primary.Isolate(c.Nodes, false)
		next.AwaitPromotion()
		undo()
	})
}
