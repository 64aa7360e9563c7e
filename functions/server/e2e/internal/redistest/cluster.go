package redistest

import (
	"context"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/network"
	"confab/shared/testenv"
)

// A Cluster is three primaries with a replica each.
type Cluster struct{ Nodes []*Server }

func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c := &Cluster{}
	for i := range 6 {
		bus := testenv.FreeAddr(tb)
		r := prepare(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", portOf(bus), "--cluster-replica-validity-factor", "0")
		r.surround(i)
		r.net.bus = network.StartProxy(tb, bus)
		r.args = append(r.args, "--bind-source-addr", r.net.host, "--cluster-announce-ip", "127.0.0.1",
			"--cluster-announce-port", portOf(r.announced()), "--cluster-announce-bus-port", portOf(r.net.bus.Addr))
		r.open()
		c.Nodes = append(c.Nodes, r)
	}
	const slots = 16384
	for i, r := range c.Nodes {
		if i < 3 {
			r.Must("cluster", "addslotsrange", i*slots/3, (i+1)*slots/3-1)
		}
		r.Must("cluster", "set-config-epoch", i+1)
		r.Must("cluster", "meet", "127.0.0.1", portOf(c.Nodes[0].announced()), portOf(c.Nodes[0].net.bus.Addr))
	}
	for i, r := range c.Nodes[3:] {
		id := c.Nodes[i].id()
		r.Await("knowledge of its primary", func(ctx context.Context) bool {
			return r.Do(ctx, "cluster", "replicate", id).Err() == nil
		})
	}
	for i, r := range c.Nodes {
		r.Await("whole cluster", func(context.Context) bool {
			return r.cluster("cluster_state") == "ok" && r.cluster("cluster_known_nodes") == "6" &&
				(i < 3 && r.Field("replication", "connected_slaves") == "1" || i >= 3 && r.Field("replication", "master_link_status") == "up")
		})
	}
	return c
}

func (r *Server) id() string { return r.Must("cluster", "myid").(string) }

func (r *Server) cluster(field string) string {
	text, _ := r.ClusterInfo(context.Background()).Result()
	_, after, _ := strings.Cut("\n"+text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value
}

func (c *Cluster) URL() string {
	url := "redis://" + c.Nodes[0].announced() + "?cluster=true"
	for _, r := range c.Nodes[1:] {
		url += "&addr=" + r.announced()
	}
	return url
}

// Owner is the primary that serves a key.
func (c *Cluster) Owner(key string) *Server {
	for _, r := range c.Nodes {
		if err := r.Exists(context.Background(), key).Err(); err == nil && r.Field("replication", "role") == "master" { // others say MOVED
			return r
		}
	}
	return nil
}

// ReplicaOf returns the replica of a primary.
func (c *Cluster) ReplicaOf(p *Server) *Server {
	for _, r := range c.Nodes {
		if r.Field("replication", "role") == "slave" && r.Field("replication", "master_port") == portOf(p.announced()) {
			return r
		}
	}
	return nil
}

// AwaitPromotion returns once a replica is a primary.
func (r *Server) AwaitPromotion() {
	r.tb.Helper()
	r.Await("promotion", func(context.Context) bool { return r.Field("replication", "role") == "master" })
}

// Migrate moves the slot of a key to another primary, key by key, as
// redis-cli --cluster reshard does.
func (c *Cluster) Migrate(key string) {
	from := c.Owner(key)
	from.tb.Helper()
	slot := from.Must("cluster", "keyslot", key)
	to := from
	for _, r := range c.Nodes {
		if r != from && r.Field("replication", "role") == "master" {
			to = r
		}
	}
	to.Must("cluster", "setslot", slot, "importing", from.id())
	from.Must("cluster", "setslot", slot, "migrating", to.id())
	for {
		keys := from.Must("cluster", "getkeysinslot", slot, 10).([]any)
		if len(keys) == 0 {
			break
		}
		from.Must(append([]any{"migrate", "127.0.0.1", to.Port(), "", 0, 5000, "keys"}, keys...)...)
	}
	to.Must("cluster", "setslot", slot, "node", to.id())
	from.Must("cluster", "setslot", slot, "node", to.id())
}
