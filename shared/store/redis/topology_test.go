package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// A group is Redis processes that stand in for each other: a primary with two
// replicas and three Sentinels, or a Cluster of three with a replica each.
type group struct {
	tb    testing.TB
	nodes []*server
	url   string
	// primary is the node that has a room, as far as is known.
	primary func() *server
	// order has another node take over, without a loss.
	order func()
}

// patience is for a machine that does much else at the same time: Sentinels
// and Clusters then need more than one try.
const patience = time.Minute

var errNotYet = errors.New("not yet")

// replicated starts a primary and replicas, without anybody who watches them.
func replicated(tb testing.TB, replicas int) []*server {
	tb.Helper()
	nodes := []*server{startRedis(tb, "--appendonly", "yes")}
	for range replicas {
		nodes = append(nodes, startRedis(tb, "--appendonly", "yes", "--replicaof", "127.0.0.1", nodes[0].port))
	}
	nodes[0].hasReplicas(replicas)
	return nodes
}

// hasReplicas waits until so many follow.
func (s *server) hasReplicas(n int) {
	s.tb.Helper()
	eventually(s.tb, patience, fmt.Sprint(n, " replicas"), func() error {
		if s.info("connected_slaves") != fmt.Sprint(n) || strings.Count(s.info("slave0")+s.info("slave1"), "state=online") != n {
			return errNotYet
		}
		return nil
	})
}

func sentinels(tb testing.TB) *group {
	tb.Helper()
	g := &group{tb: tb, nodes: replicated(tb, 2)}
	var watch []*server
	var addrs []string
	for range 3 {
		conf := filepath.Join(tb.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor m 127.0.0.1 %s 2\nsentinel down-after-milliseconds m 1000\nsentinel failover-timeout m 10000\n", g.nodes[0].port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		w := startAs(tb, testenv.RedisServer(tb), conf, "--sentinel")
		watch = append(watch, w)
		addrs = append(addrs, w.addr())
	}
	for _, w := range watch {
		eventually(tb, patience, "sentinels know each other", func() error {
			m, err := w.rdb.Do(context.Background(), "SENTINEL", "MASTER", "m").Result()
			if s := fmt.Sprint(m); err != nil || !strings.Contains(s, "num-slaves:2") || !strings.Contains(s, "num-other-sentinels:2") {
				return fmt.Errorf("%v %v", err, m)
			}
			return nil
		})
	}
	g.url = "redis://" + addrs[0] + "?master_name=m&addr=" + addrs[1] + "&addr=" + addrs[2]
	g.primary = func() *server {
		at, _ := watch[0].rdb.Do(context.Background(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m").StringSlice()
		return g.node(func(n *server) bool { return len(at) == 2 && n.port == at[1] && n.info("role") == "master" })
	}
	g.order = func() {
		eventually(tb, patience, "a failover begins", func() error {
			return watch[0].rdb.Do(context.Background(), "SENTINEL", "FAILOVER", "m").Err()
		})
	}
	return g
}

func cluster(tb testing.TB) *group {
	tb.Helper()
	g := &group{tb: tb}
	for range 6 {
		g.nodes = append(g.nodes, startRedis(tb, "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", freePort(tb),
			"--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0"))
	}
	first := g.nodes[0]
	for i, n := range g.nodes {
		if i < 3 {
			n.do("CLUSTER", "ADDSLOTSRANGE", i*16384/3, (i+1)*16384/3-1)
		}
		n.do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		n.do("CLUSTER", "MEET", "127.0.0.1", first.port, first.args[slices.Index(first.args, "--cluster-port")+1])
	}
	for i, n := range g.nodes[3:] {
		id := g.nodes[i].do("CLUSTER", "MYID")
		eventually(tb, patience, "a replica", func() error { return n.rdb.Do(context.Background(), "CLUSTER", "REPLICATE", id).Err() })
	}
	for _, n := range g.nodes[:3] {
		n.hasReplicas(1)
	}
	for _, n := range g.nodes {
		eventually(tb, patience, "a whole cluster", func() error {
			if text, _ := n.rdb.ClusterInfo(context.Background()).Result(); !strings.Contains(text, "cluster_state:ok") || !strings.Contains(text, "cluster_known_nodes:6") {
				return errNotYet
			}
			return nil
		})
	}
	g.url = "redis://" + g.nodes[0].addr() + "?cluster=true&addr=" + g.nodes[1].addr() + "&addr=" + g.nodes[4].addr()
	g.primary = func() *server {
		return g.node(func(n *server) bool {
			return n.rdb.Exists(context.Background(), lobby("log")).Err() == nil && n.info("role") == "master"
		})
	}
	g.order = func() {
		was := g.primary()
		heir := g.node(func(n *server) bool { return n.info("role") == "slave" && n.info("master_port") == was.port })
		heir.do("CLUSTER", "FAILOVER")
	}
	return g
}

func (g *group) node(is func(*server) bool) *server {
	for _, n := range g.nodes {
		if n.cmd != nil && is(n) {
			return n
		}
	}
	return nil
}

// successor waits for another primary than was.
func (g *group) successor(was *server) *server {
	g.tb.Helper()
	var next *server
	eventually(g.tb, patience, "another primary", func() error {
		if next = g.primary(); next == nil || next == was {
			return errNotYet
		}
		return nil
	})
	return next
}

// migrate moves a room's slot to another primary, a few keys at a time.
func (g *group) migrate(key string) {
	from := g.primary()
	slot := from.do("CLUSTER", "KEYSLOT", key)
	to := g.node(func(n *server) bool { return n != from && n.info("role") == "master" })
	to.do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.do("CLUSTER", "MYID"))
	from.do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.do("CLUSTER", "MYID"))
	for {
		keys := from.do("CLUSTER", "GETKEYSINSLOT", slot, 1).([]any)
		if len(keys) == 0 {
			break
		}
		from.do(append([]any{"MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS"}, keys...)...)
	}
	for _, n := range []*server{to, from} {
		n.do("CLUSTER", "SETSLOT", slot, "NODE", to.do("CLUSTER", "MYID"))
	}
}
