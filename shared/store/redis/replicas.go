package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const countInterval = 5 * time.Second // how often replicas are counted

// mostScript keeps the most replicas that a primary was ever seen to have.
var mostScript = newScript(
	[]param[seen, string]{{"most", func(s seen) string { return s.bucket.replicas() }}},
	[]param[seen, any]{{"seen", func(s seen) any { return s.n }}}, `
local n = math.max(tonumber(redis.call('GET', most) or '0'), tonumber(seen))
redis.call('SET', most, n)
return n`)

// seen is how many replicas the primary of a bucket has.
type seen struct {
	bucket bucket
	n      int
}

// A quorum is how many replicas are to acknowledge an event.
type quorum struct {
	fixed    int  // 0: by the most that were seen
	majority bool // of the primary and its replicas
}

// parseDurability reads "replicas", "replicas:2" or "majority". The zero quorum,
// of "primary", waits for none: it reports false.
func parseDurability(durability string) (q quorum, ok bool, err error) {
	kind, n, exact := strings.Cut(durability, ":")
	switch {
	case durability == "" || durability == "primary":
		return q, false, nil
	case durability == "majority":
		return quorum{majority: true}, true, nil
	case durability == "replicas":
		return q, true, nil
	case kind == "replicas" && exact:
		if q.fixed, err = strconv.Atoi(n); err == nil && q.fixed > 0 {
			return q, true, nil
		}
	}
	return q, false, fmt.Errorf("DURABILITY is %q: it may be primary, majority, replicas, or replicas:2 for two of them", durability)
}

// of is how many of so many replicas, at least one: no replica that was ever
// seen is no reason to promise without one.
func (q quorum) of(replicas int) int {
	switch {
	case q.fixed > 0:
		return q.fixed
	case q.majority:
		return max(1, (replicas+1)/2) // the primary is one of the majority
	}
	return max(1, replicas)
}

// A replicaCount is what is known of the replicas of one primary.
type replicaCount struct {
	mu   sync.Mutex // held while they are counted
	most int
	at   time.Time // when they were counted last
}

// need is how many replicas are to acknowledge what is written to a room. It
// fails where they cannot be counted: to promise less in silence would be worse
// than to refuse.
func (r *replication) need(ctx context.Context, room chat.RoomID) (int, error) {
	if r.quorum.fixed > 0 {
		return r.quorum.fixed, nil
	}
	bucket := r.store.keys.bucket(0)
	if r.store.clustered() {
		bucket = r.store.keys.bucketOf(room)
	}
	r.mu.Lock()
	if r.counts[bucket] == nil {
		r.counts[bucket] = new(replicaCount)
	}
	known := r.counts[bucket]
	r.mu.Unlock()
	known.mu.Lock()
	defer known.mu.Unlock()
	if time.Since(known.at) >= countInterval {
		n, err := r.count(ctx, bucket)
		if err != nil {
			return 0, fmt.Errorf("count the replicas: %w", err)
		}
		known.most, known.at = max(known.most, n), time.Now()
	}
	return r.quorum.of(known.most), nil
}

var errNoCount = errors.New("INFO says nothing of replicas")

// count returns the most replicas that the primary of a bucket has, or was ever
// seen to have.
func (r *replication) count(ctx context.Context, b bucket) (int, error) {
	var rdb redis.UniversalClient = r.store.rdb
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		primary, err := cluster.MasterForKey(ctx, b.replicas())
		if err != nil {
			return 0, err
		}
		rdb = primary
	}
	info, err := rdb.Info(ctx, "replication").Result()
	if err != nil {
		return 0, err
	}
	_, after, ok := strings.Cut(info, "connected_slaves:")
	n, _, _ := strings.Cut(after, "\r\n")
	now, err := strconv.Atoi(n)
	if !ok || err != nil {
		return 0, errNoCount
	}
	call := mostScript.call(seen{b, now})
	return mostScript.Run(ctx, r.store.rdb, call.keys, call.args...).Int()
}
