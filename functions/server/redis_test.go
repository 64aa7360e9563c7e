package main_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"confab/shared/testenv"

	"github.com/redis/go-redis/v9"
)

// A redisServer is a running redis-server, or redis-sentinel, whose data and
// address outlive the process.
type redisServer struct {
	tb   testing.TB
	addr string
	net  *surroundings // of who has a part in a Sentinel's set or a Cluster
	dir  string
	env  []string
	args []string
	cmd  *exec.Cmd
	*redis.Client
}

// newRedis runs a redis-server on a free port.
func newRedis(tb testing.TB, args ...string) *redisServer {
	tb.Helper()
	return newRedisIn(tb, nil, args...)
}

// newRedisIn runs it with more variables in its environment.
func newRedisIn(tb testing.TB, env []string, args ...string) *redisServer {
	tb.Helper()
	r := prepare(tb, args...)
	r.env = env
	r.open()
	return r
}

func prepare(tb testing.TB, args ...string) *redisServer {
	tb.Helper()
	r := &redisServer{tb: tb, addr: testenv.FreeAddr(tb), dir: tb.TempDir()}
	r.args = append([]string{"--port", r.port(), "--bind", "127.0.0.1", "--save", "", "--dir", r.dir, "--repl-diskless-sync-delay", "0"}, args...)
	return r
}

// Surroundings are the network between a server and all others: they know it
// by the addresses of proxies, which know them all by hosts of their own.
type surroundings struct {
	host  string // that it speaks from
	front *proxy
	bus   *proxy // of a Cluster's node
}

const clientHost = "127.0.0.1" // that clients speak from

// surround puts them around r, whose number chooses its host.
func (r *redisServer) surround(number int) {
	r.tb.Helper()
	r.net = &surroundings{host: fmt.Sprint("127.0.0.", 10+number), front: startProxy(r.tb, r.addr)}
}

// isolate cuts a server off from all others, and has the clients on its side
// if they are with it; else they reach both. Undo brings the network back.
func (r *redisServer) isolate(all []*redisServer, withClients bool) (undo func()) {
	var others []string
	for _, o := range all {
		if o == r {
			continue
		}
		others = append(others, o.net.host)
		cut := []string{r.net.host}
		if withClients {
			cut = append(cut, clientHost)
		}
		o.net.holdFrom(cut...)
	}
	r.net.holdFrom(others...)
	return func() {
		for _, o := range all {
			o.net.holdFrom()
		}
	}
}

func (s *surroundings) holdFrom(hosts ...string) {
	s.front.holdFrom(hosts...)
	if s.bus != nil {
		s.bus.holdFrom(hosts...)
	}
}

// known is the address under which the others know r.
func (r *redisServer) known() string { return r.net.front.addr }

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// open starts it for the first time.
func (r *redisServer) open() {
	r.tb.Helper()
	r.Client = redis.NewClient(&redis.Options{Addr: r.addr, MaxRetries: -1})
	r.tb.Cleanup(func() {
		r.Client.Close()
		r.kill()
	})
	r.start()
}

func (r *redisServer) port() string { return portOf(r.addr) }

func (r *redisServer) URL() string { return "redis://" + r.addr }

func (r *redisServer) start() {
	r.tb.Helper()
	r.cmd = exec.Command(testenv.Need(r.tb, "redis-server"), r.args...)
	r.cmd.Env = append(os.Environ(), r.env...)
	if err := r.cmd.Start(); err != nil {
		r.tb.Fatal(err)
	}
	r.await("an answer", func(ctx context.Context) bool {
		return r.Ping(ctx).Err() == nil // LOADING is an error
	})
}

// await asks until something is so. It takes its time: a sentinel that was not
// run for two seconds does little for thirty ("tilt").
func (r *redisServer) await(what string, ok func(context.Context) bool) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if ok(ctx) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.tb.Fatalf("redis at %s: no %s", r.addr, what)
}

// kill ends the process as a power cut would.
func (r *redisServer) kill() {
	if r.cmd != nil && r.cmd.Process != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
	}
}

// pause has it answer nothing, its connections open, until resume.
func (r *redisServer) pause()  { r.cmd.Process.Signal(syscall.SIGSTOP) }
func (r *redisServer) resume() { r.cmd.Process.Signal(syscall.SIGCONT) }

// must sends a command that has to succeed.
func (r *redisServer) must(args ...any) any {
	r.tb.Helper()
	v, err := r.Do(context.Background(), args...).Result()
	if err != nil {
		r.tb.Fatalf("redis %v: %v", args, err)
	}
	return v
}

func (r *redisServer) info(section, field string) string {
	text, _ := r.Info(context.Background(), section).Result()
	_, after, _ := strings.Cut("\n"+text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value
}

// A clock is what a process under it believes: a file with the seconds by
// which it is wrong.
type clock struct{ file, lib string }

func newClock(tb testing.TB) clock {
	tb.Helper()
	dir := tb.TempDir()
	c := clock{filepath.Join(dir, "clock"), filepath.Join(dir, "clock.so")}
	if out, err := exec.Command(testenv.Need(tb, "cc"), "-shared", "-fPIC", "-O1", "-o", c.lib, "testdata/clock.c").CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	c.set(tb, 0)
	return c
}

func (c clock) env() []string { return []string{"LD_PRELOAD=" + c.lib, "CLOCK=" + c.file} }

// set has it wrong by so much, from now on.
func (c clock) set(tb testing.TB, by time.Duration) {
	tb.Helper()
	next := c.file + ".next"
	err := os.WriteFile(next, strconv.AppendInt(nil, int64(by.Seconds()), 10), 0o600)
	if err = errors.Join(err, os.Rename(next, c.file)); err != nil {
		tb.Fatal(err)
	}
}

// A sentinelSet is a primary, its replicas, and the sentinels that watch them.
type sentinelSet struct {
	nodes     []*redisServer
	sentinels []*redisServer
}

const masterName = "confab"

// startSentinel runs a primary, two replicas and three sentinels that agree
// by two, each behind a network of its own.
func startSentinel(tb testing.TB) *sentinelSet {
	tb.Helper()
	s := &sentinelSet{}
	for i := range 3 {
		r := prepare(tb)
		r.surround(i)
		r.args = append(r.args, "--bind-source-addr", r.net.host, "--replica-announce-ip", "127.0.0.1", "--replica-announce-port", portOf(r.known()))
		if i > 0 {
			r.args = append(r.args, "--replicaof", "127.0.0.1 "+portOf(s.nodes[0].known()))
		}
		r.open()
		if i > 0 {
			r.await("link to the primary", func(context.Context) bool { return r.info("replication", "master_link_status") == "up" })
		}
		s.nodes = append(s.nodes, r)
	}
	for i := range 3 {
		r := &redisServer{tb: tb, addr: testenv.FreeAddr(tb), dir: tb.TempDir()}
		r.surround(3 + i)
		conf := fmt.Sprintf("port %s\nbind 127.0.0.1\nbind-source-addr %s\ndir %s\nsentinel announce-ip 127.0.0.1\nsentinel announce-port %s\n",
			r.port(), r.net.host, r.dir, portOf(r.known()))
		conf += fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 2\nsentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 4000\n",
			masterName, portOf(s.nodes[0].known()))
		path := filepath.Join(r.dir, "sentinel.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			tb.Fatal(err)
		}
		r.args = []string{path, "--sentinel"}
		r.open()
		s.sentinels = append(s.sentinels, r)
	}
	for _, r := range s.sentinels {
		r.await("two replicas and two peers", func(ctx context.Context) bool {
			m := redis.NewMapStringStringCmd(ctx, "sentinel", "master", masterName)
			r.Process(ctx, m)
			return m.Val()["num-slaves"] == "2" && m.Val()["num-other-sentinels"] == "2"
		})
	}
	return s
}

func (s *sentinelSet) URL() string {
	url := fmt.Sprintf("redis://%s?master_name=%s", s.sentinels[0].known(), masterName)
	for _, r := range s.sentinels[1:] {
		url += "&addr=" + r.known()
	}
	return url
}

// primary is the node that all sentinels name, or nil while they differ.
func (s *sentinelSet) primary() (p *redisServer) {
	for i, sentinel := range s.sentinels {
		at, _ := sentinel.Do(context.Background(), "sentinel", "get-master-addr-by-name", masterName).StringSlice()
		j := slices.IndexFunc(s.nodes, func(r *redisServer) bool { return len(at) == 2 && portOf(r.known()) == at[1] })
		if j < 0 || (i > 0 && s.nodes[j] != p) {
			return nil
		}
		p = s.nodes[j]
	}
	return p
}

// replicas are the nodes that are not the primary.
func (s *sentinelSet) replicas(primary *redisServer) []*redisServer {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(r *redisServer) bool { return r == primary })
}

// awaitOther returns once all sentinels name a primary other than old, and
// that one knows. Until then a client may be sent to the old one.
func (s *sentinelSet) awaitOther(old *redisServer) {
	s.sentinels[0].tb.Helper()
	s.sentinels[0].await("new primary", func(context.Context) bool {
		p := s.primary()
		return p != nil && p != old && p.info("replication", "role") == "master"
	})
}

// awaitReplicas returns once the primary has n replicas.
func (s *sentinelSet) awaitReplicas(n int) {
	s.sentinels[0].tb.Helper()
	s.sentinels[0].await("replicas", func(context.Context) bool {
		p := s.primary()
		return p != nil && strings.Count(p.info("replication", "slave0")+p.info("replication", "slave1"), "state=online") == n
	})
}

// A redisCluster is three primaries with a replica each.
type redisCluster struct{ nodes []*redisServer }

func startCluster(tb testing.TB) *redisCluster {
	tb.Helper()
	c := &redisCluster{}
	for i := range 6 {
		bus := testenv.FreeAddr(tb)
		r := prepare(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", portOf(bus), "--cluster-replica-validity-factor", "0")
		r.surround(i)
		r.net.bus = startProxy(tb, bus)
		r.args = append(r.args, "--bind-source-addr", r.net.host, "--cluster-announce-ip", "127.0.0.1",
			"--cluster-announce-port", portOf(r.known()), "--cluster-announce-bus-port", portOf(r.net.bus.addr))
		r.open()
		c.nodes = append(c.nodes, r)
	}
	const slots = 16384
	for i, r := range c.nodes {
		if i < 3 {
			r.must("cluster", "addslotsrange", i*slots/3, (i+1)*slots/3-1)
		}
		r.must("cluster", "set-config-epoch", i+1)
		r.must("cluster", "meet", "127.0.0.1", portOf(c.nodes[0].known()), portOf(c.nodes[0].net.bus.addr))
	}
	for i, r := range c.nodes[3:] {
		id := c.nodes[i].id()
		r.await("knowledge of its primary", func(ctx context.Context) bool {
			return r.Do(ctx, "cluster", "replicate", id).Err() == nil
		})
	}
	for i, r := range c.nodes {
		r.await("whole cluster", func(context.Context) bool {
			return r.cluster("cluster_state") == "ok" && r.cluster("cluster_known_nodes") == "6" &&
				(i < 3 && r.info("replication", "connected_slaves") == "1" || i >= 3 && r.info("replication", "master_link_status") == "up")
		})
	}
	return c
}

func (r *redisServer) id() string { return r.must("cluster", "myid").(string) }

func (r *redisServer) cluster(field string) string {
	text, _ := r.ClusterInfo(context.Background()).Result()
	_, after, _ := strings.Cut("\n"+text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value
}

func (c *redisCluster) URL() string {
	url := "redis://" + c.nodes[0].known() + "?cluster=true"
	for _, r := range c.nodes[1:] {
		url += "&addr=" + r.known()
	}
	return url
}

// owner is the primary that serves a key.
func (c *redisCluster) owner(key string) *redisServer {
	for _, r := range c.nodes {
		if err := r.Exists(context.Background(), key).Err(); err == nil && r.info("replication", "role") == "master" { // others say MOVED
			return r
		}
	}
	return nil
}

// replicaOf returns the replica of a primary.
func (c *redisCluster) replicaOf(p *redisServer) *redisServer {
	for _, r := range c.nodes {
		if r.info("replication", "role") == "slave" && r.info("replication", "master_port") == portOf(p.known()) {
			return r
		}
	}
	return nil
}

// awaitPromotion returns once a replica is a primary.
func (r *redisServer) awaitPromotion() {
	r.tb.Helper()
	r.await("promotion", func(context.Context) bool { return r.info("replication", "role") == "master" })
}

// migrate moves the slot of a key to another primary, key by key, as
// redis-cli --cluster reshard does.
func (c *redisCluster) migrate(key string) {
	from := c.owner(key)
	from.tb.Helper()
	slot := from.must("cluster", "keyslot", key)
	to := from
	for _, r := range c.nodes {
		if r != from && r.info("replication", "role") == "master" {
			to = r
		}
	}
	to.must("cluster", "setslot", slot, "importing", from.id())
	from.must("cluster", "setslot", slot, "migrating", to.id())
	for {
		keys := from.must("cluster", "getkeysinslot", slot, 10).([]any)
		if len(keys) == 0 {
			break
		}
		from.must(append([]any{"migrate", "127.0.0.1", to.port(), "", 0, 5000, "keys"}, keys...)...)
	}
	to.must("cluster", "setslot", slot, "node", to.id())
	from.must("cluster", "setslot", slot, "node", to.id())
}

func TestSentinelsPromoteAReplica(t *testing.T) {
	t.Parallel()
	s := startSentinel(t)
	s.awaitReplicas(2)
	old := s.primary()
	old.must("set", "k", "v")
	old.must("wait", 2, 5000)
	old.kill()
	s.awaitOther(old)
	if v := s.primary().must("get", "k"); v != "v" {
		t.Errorf("the new primary holds %v", v)
	}
}

func TestClusterMovesASlotAndPromotesAReplica(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := c.owner("k")
	old.must("set", "k", "v")
	c.migrate("k")
	now := c.owner("k")
	if now == old {
		t.Fatal("the slot did not move")
	}
	if v := now.must("get", "k"); v != "v" {
		t.Errorf("its new owner holds %v", v)
	}
	now.must("wait", 1, 5000)
	next := c.replicaOf(now)
	now.kill()
	next.await("promotion", func(context.Context) bool { return c.owner("k") == next })
	if v := c.owner("k").must("get", "k"); v != "v" {
		t.Errorf("the promoted replica holds %v", v)
	}
}
