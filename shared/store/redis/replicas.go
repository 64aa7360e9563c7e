package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	countInterval = 5 * time.Second // how often replicas are counted
	lateReplica   = 2               // seconds since it said how far it is, from which on it does not keep up
)

// seenScript keeps the most replicas that a primary was ever seen to have, and
// the addresses of those that it had in the last day. It returns both.
var seenScript = newScript(
	[]param[seen, string]{
		{"most", func(s seen) string { return s.bucket.replicas() }},
		{"addresses", func(s seen) string { return s.bucket.addresses() }},
	},
	[]param[seen, any]{
		{"count", func(s seen) any { return s.replicas }},
		{"now_there", func(s seen) any { return strings.Join(s.addresses, " ") }},
		{"day", func(seen) any { return (24 * time.Hour).Milliseconds() }},
	}, `
local call = redis.call
local n = math.max(tonumber(call('GET', most) or '0'), tonumber(count))
call('SET', most, n)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for address in string.gmatch(now_there, '%S+') do call('ZADD', addresses, now, address) end
call('ZREMRANGEBYSCORE', addresses, '-inf', now - day)
local reply = call('ZRANGE', addresses, 0, -1)
table.insert(reply, 1, tostring(n))
return reply`)

// seen is what the primary of a bucket says of its replicas.
type seen struct {
	bucket bucket
	replicationInfo
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

// A replicaSet is what is known of the replicas of one primary.
type replicaSet struct {
	counting sync.Mutex // held while they are counted

	mu        sync.Mutex // guards what follows
	most      int        // that were ever seen
	connected int        // when they were counted last
	at        time.Time  // when that was
	missing   bool       // fewer acknowledged last than were ever seen

	candidates map[string]*candidate // by their addresses
}

// set is what is known of the replicas of a room's primary. It fails where they
// cannot be counted: to promise less in silence would be worse than to refuse.
func (r *replication) set(ctx context.Context, room chat.RoomID) (*replicaSet, error) {
	bucket := r.store.keys.bucket(0)
	if r.store.clustered() {
		bucket = r.store.keys.bucketOf(room)
	}
	r.mu.Lock()
	set := r.sets[bucket]
	if set == nil {
		set = &replicaSet{candidates: map[string]*candidate{}}
		r.sets[bucket] = set
	}
	r.mu.Unlock()
	if r.quorum.fixed > 0 {
		return set, nil
	}
	set.counting.Lock()
	defer set.counting.Unlock()
	if !set.stale() {
		return set, nil
	}
	if err := r.count(ctx, bucket, set); err != nil {
		return nil, fmt.Errorf("count the replicas: %w", err)
	}
	return set, nil
}

func (set *replicaSet) stale() bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	return time.Since(set.at) >= countInterval
}

var errNoCount = errors.New("INFO says nothing of replicas")

// count asks the primary of a bucket for its replicas, and Redis for those that
// were seen before.
func (r *replication) count(ctx context.Context, b bucket, set *replicaSet) error {
	var rdb redis.UniversalClient = r.store.rdb
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		primary, err := cluster.MasterForKey(ctx, b.replicas())
		if err != nil {
			return err
		}
		rdb = primary
	}
	info, err := askReplication(ctx, rdb)
	if err != nil {
		return err
	}
	call := seenScript.call(seen{b, info})
	reply, err := seenScript.Run(ctx, r.store.rdb, call.keys, call.args...).StringSlice()
	if err != nil {
		return err
	}
	if len(reply) == 0 {
		return errReply
	}
	most, err := strconv.Atoi(reply[0])
	if err != nil {
		return errReply
	}
	set.learn(info.addresses, reply[1:], r.store.node)
	set.mu.Lock()
	defer set.mu.Unlock()
	set.most, set.at = max(set.most, most), time.Now()
	return nil
}

// A replicationInfo is what a Redis says of its replication.
type replicationInfo struct {
	role      string // master or slave
	history   string // of writes that it is in: another one after a promotion
	replicas  int
	addresses []string // of replicas that keep up
}

func askReplication(ctx context.Context, rdb redis.Cmdable) (info replicationInfo, err error) {
	text, err := rdb.Info(ctx, "replication").Result()
	if err != nil {
		return info, err
	}
	info.replicas = -1
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case field == "role":
			info.role = value
		case field == "master_replid":
			info.history = value
		case field == "connected_slaves":
			if info.replicas, err = strconv.Atoi(value); err != nil {
				return info, errNoCount
			}
		case strings.HasPrefix(field, "slave") && keepsUp(value):
			info.addresses = append(info.addresses, addressOf(value))
		}
	}
	if info.replicas < 0 {
		return info, errNoCount
	}
	return info, nil
}

// keepsUp reads ip=127.0.0.1,port=6380,state=online,offset=1,lag=0. A replica
// says every second how far it is; Redis 6.2 may list one for long that died.
func keepsUp(replica string) bool {
	lag, err := strconv.Atoi(part(replica, "lag"))
	return part(replica, "state") == "online" && err == nil && lag <= lateReplica && part(replica, "ip") != ""
}

func addressOf(replica string) string {
	return net.JoinHostPort(part(replica, "ip"), part(replica, "port"))
}

// part is one value of name=value,name=value.
func part(of, name string) string {
	for one := range strings.SplitSeq(of, ",") {
		if value, ok := strings.CutPrefix(one, name+"="); ok {
			return value
		}
	}
	return ""
}
