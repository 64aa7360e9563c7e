package redistest_test

import (
	"context"
	"testing"

	"confab/functions/server/e2e/internal/redistest"
)

func TestSentinelsPromoteAReplica(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinels(t)
	s.AwaitReplicas(2)
	old := s.Primary()
	old.Must("set", "k", "v")
	old.Must("wait", 2, 5000)
	old.Kill()
	s.AwaitOther(old)
	if v := s.Primary().Must("get", "k"); v != "v" {
		t.Errorf("the new primary holds %v", v)
	}
}

func TestClusterMovesASlotAndPromotesAReplica(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	old := c.Owner("k")
	old.Must("set", "k", "v")
	c.Migrate("k")
	now := c.Owner("k")
	if now == old {
		t.Fatal("the slot did not move")
	}
	if v := now.Must("get", "k"); v != "v" {
		t.Errorf("its new owner holds %v", v)
	}
	now.Must("wait", 1, 5000)
	next := c.ReplicaOf(now)
	now.Kill()
	next.Await("promotion", func(context.Context) bool { return c.Owner("k") == next })
	if v := c.Owner("k").Must("get", "k"); v != "v" {
		t.Errorf("the promoted replica holds %v", v)
	}
}
