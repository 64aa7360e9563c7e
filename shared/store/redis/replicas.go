package redis

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	countInterval = 5 * time.Second // how often replicas are counted
	countKey      = "confab:replicas"
)

var mostScript = newScript(
	[]param[int, string]{{"most", func(int) string { return countKey }}},
	[]param[int, any]{{"seen", func(n int) any { return n }}}, `
local n = math.max(tonumber(redis.call('GET', most) or '0'), tonumber(seen))
redis.call('SET', most, n)
return n`)

// need is how many replicas are to acknowledge, at least one.
func (r *replication) need(ctx context.Context) int {
	if r.fixed > 0 {
		return r.fixed
	}
	r.mu.Lock()
	most, fresh := r.most, time.Since(r.counted) < countInterval
	r.mu.Unlock()
	if fresh {
		return max(1, most)
	}
	now, err := r.count(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.store.log.Warn("counting replicas failed", "err", err)
	} else {
		r.counted = time.Now()
	}
	r.most = max(r.most, now)
	return max(1, r.most)
}

// count returns the most replicas that a primary has, or was ever seen to have.
func (r *replication) count(ctx context.Context) (int, error) {
	var mu sync.Mutex
	most := 0
	one := func(ctx context.Context, rdb *redis.Client) error {
		info, err := rdb.Info(ctx, "replication").Result()
		_, after, _ := strings.Cut(info, "connected_slaves:")
		n, _, _ := strings.Cut(after, "\r\n")
		count, _ := strconv.Atoi(n)
		mu.Lock()
		defer mu.Unlock()
		most = max(most, count)
		return err
	}
	var err error
	switch rdb := r.store.rdb.(type) {
	case *redis.ClusterClient:
		err = rdb.ForEachMaster(ctx, one)
	case *redis.Client:
		err = one(ctx, rdb)
	}
	if err != nil {
		return most, err
	}
	call := mostScript.call(most)
	return mostScript.Run(ctx, r.store.rdb, call.keys, call.args...).Int()
}
