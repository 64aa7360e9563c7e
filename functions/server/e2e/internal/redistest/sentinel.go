package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"confab/shared/testenv"

	"github.com/redis/go-redis/v9"
)

// A Sentinels is a primary, its replicas, and the sentinels that watch them.
type Sentinels struct {
	Nodes     []*Server
	Sentinels []*Server
}

const MasterName = "confab"

// StartSentinels runs a primary, two replicas and three sentinels that agree
// by two, each behind a network of its own.
func StartSentinels(tb testing.TB) *Sentinels {
	tb.Helper()
	s := &Sentinels{}
	for i := range 3 {
		r := prepare(tb)
		r.surround(i)
		r.args = append(r.args, "--bind-source-addr", r.net.host, "--replica-announce-ip", "127.0.0.1", "--replica-announce-port", portOf(r.announced()))
		if i > 0 {
			r.args = append(r.args, "--replicaof", "127.0.0.1", portOf(s.Nodes[0].announced()))
		}
		r.open()
		if i > 0 {
			r.Await("link to the primary", func(context.Context) bool { return r.Field("replication", "master_link_status") == "up" })
		}
		s.Nodes = append(s.Nodes, r)
	}
	for i := range 3 {
		r := &Server{tb: tb, Addr: testenv.FreeAddr(tb), Dir: tb.TempDir()}
		r.surround(3 + i)
		conf := fmt.Sprintf("port %s\nbind 127.0.0.1\nbind-source-addr %s\ndir %s\nsentinel announce-ip 127.0.0.1\nsentinel announce-port %s\n",
			r.Port(), r.net.host, r.Dir, portOf(r.announced()))
		conf += fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 2\nsentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 4000\n",
			MasterName, portOf(s.Nodes[0].announced()))
		path := filepath.Join(r.Dir, "sentinel.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			tb.Fatal(err)
		}
		r.args = []string{path, "--sentinel"}
		r.open()
		s.Sentinels = append(s.Sentinels, r)
	}
	for _, r := range s.Sentinels {
		r.Await("two replicas and two peers", func(ctx context.Context) bool {
			m := redis.NewMapStringStringCmd(ctx, "sentinel", "master", MasterName)
			r.Process(ctx, m)
			return m.Val()["num-slaves"] == "2" && m.Val()["num-other-sentinels"] == "2"
		})
	}
	return s
}

func (s *Sentinels) URL() string {
	url := fmt.Sprintf("redis://%s?master_name=%s", s.Sentinels[0].announced(), MasterName)
	for _, r := range s.Sentinels[1:] {
		url += "&addr=" + r.announced()
	}
	return url
}

// Primary is the node that all sentinels name, or nil while they differ.
func (s *Sentinels) Primary() (p *Server) {
	for i, sentinel := range s.Sentinels {
		at, _ := sentinel.Do(context.Background(), "sentinel", "get-master-addr-by-name", MasterName).StringSlice()
		j := slices.IndexFunc(s.Nodes, func(r *Server) bool { return len(at) == 2 && portOf(r.announced()) == at[1] })
		if j < 0 || (i > 0 && s.Nodes[j] != p) {
			return nil
		}
		p = s.Nodes[j]
	}
	return p
}

// Replicas are the nodes that are not the primary.
func (s *Sentinels) Replicas(primary *Server) []*Server {
	return slices.DeleteFunc(slices.Clone(s.Nodes), func(r *Server) bool { return r == primary })
}

// AwaitOther returns once all sentinels name a primary other than old, and
// that one knows. Until then a client may be sent to the old one.
func (s *Sentinels) AwaitOther(old *Server) {
	s.Sentinels[0].tb.Helper()
	s.Sentinels[0].Await("new primary", func(context.Context) bool {
		p := s.Primary()
		return p != nil && p != old && p.Field("replication", "role") == "master"
	})
}

// AwaitReplicas returns once the primary has n replicas.
func (s *Sentinels) AwaitReplicas(n int) {
	s.Sentinels[0].tb.Helper()
	s.Sentinels[0].Await("replicas", func(context.Context) bool {
		p := s.Primary()
		return p != nil && strings.Count(p.Field("replication", "slave0")+p.Field("replication", "slave1"), "state=online") == n
	})
}
