package redis

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	nearlyFull   = 0.9     // of memory
	behindBytes  = 1 << 20 // that a replica has not got yet
	scannedKeys  = 20_000  // that are looked at for others' keys
	shortTimeout = time.Minute
)

func (n nodeReport) replicas(ctx context.Context) {
	if role := n.info["role"]; role != "master" {
		n.say("role", Fault, "it is a replica of %s:%s, which takes no posts: name the primary, or its Sentinels with ?master_name=", n.info["master_host"], n.info["master_port"])
		return
	}
	n.say("role", Fine, "it is a primary")
	waits := n.replication != nil
	following := n.number("connected_slaves")
	if following == 0 {
		if !waits {
			n.say("replicas", Note, "no replica follows: if this machine is lost, so are the rooms")
		} else {
			n.say("replicas", Fault, "no replica follows, and DURABILITY is %s: posts are refused until one does, or with DURABILITY=primary", n.opts.Durability)
		}
		return
	}
	ahead := n.number("master_repl_offset")
	good := 0
	for i := range following {
		replica := n.info[fmt.Sprint("slave", i)]
		address, state := addressOf(replica), part(replica, "state")
		offset, _ := strconv.ParseInt(part(replica, "offset"), 10, 64)
		lag, _ := strconv.Atoi(part(replica, "lag"))
		switch {
		case state != "online":
			n.say("replicas", Note, "the replica %s is not there yet (%s): wait, and see its log", address, state)
		case lag > lateReplica:
			n.say("replicas", Note, "the replica %s has not answered for %d s: see to it, or to its network", address, lag)
		case ahead-offset > behindBytes:
			n.say("replicas", Note, "the replica %s is %d bytes behind: give it a faster network or machine", address, ahead-offset)
		default:
			good++
		}
		n.reaches(ctx, address)
	}
	if good > 0 {
		n.say("replicas", Fine, "%d of %d replicas keep up", good, following)
	}
	if !waits {
		n.say("durability", Note, "DURABILITY is primary: a failover may take back the last moment's lines, which majority and replicas keep")
	}
	n.everSeen(ctx, following)
}

// reaches tries a replica where every server has to reach it.
func (n nodeReport) reaches(ctx context.Context, address string) {
	if n.replication == nil || !n.replication.quorum.majority {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	rdb := n.node(address)
	defer rdb.Close()
	if _, err := askReplication(ctx, rdb); err != nil {
		n.say("replicas", Fault, "the replica %s does not tell this machine what it is (%s): DURABILITY=majority asks every replica, so let the server reach it under the same login", address, oneLine(err))
	}
}

// everSeen compares the replicas with those that there were.
func (n nodeReport) everSeen(ctx context.Context, following int64) {
	if n.replication == nil || n.replication.quorum.fixed > 0 {
		return
	}
	most, err := n.rdb.Get(ctx, n.keys.bucket(0).replicas()).Int64()
	if err == nil && most > following {
		n.say("replicas", Note, "%d replicas follow, and there were %d: bring the others back, or, if they are gone for good, delete %s", following, most, n.keys.bucket(0).replicas())
	}
}

func (n nodeReport) memory() {
	limit, used, policy := n.number("maxmemory"), n.number("used_memory"), n.info["maxmemory_policy"]
	forgets := strings.HasPrefix(policy, "allkeys-") || strings.HasPrefix(policy, "volatile-") && n.opts.Retention > 0
	switch {
	case forgets && limit > 0:
		n.say("memory", Fault, "maxmemory-policy is %s: a full Redis forgets rooms; set maxmemory-policy noeviction", policy)
	case forgets:
		n.say("memory", Note, "maxmemory-policy is %s: as soon as maxmemory is set, a full Redis forgets rooms; set maxmemory-policy noeviction", policy)
	case strings.HasPrefix(policy, "volatile-") && limit > 0:
		n.say("memory", Note, "maxmemory-policy is %s: a full Redis forgets the keys of posts, and one that is said again is there twice; set maxmemory-policy noeviction", policy)
	}
	switch {
	case limit > 0 && float64(used) > nearlyFull*float64(limit):
		n.say("memory", Note, "%d of %d MB are used, and then posts are refused: raise maxmemory, or set HISTORY or RETENTION lower", used>>20, limit>>20)
	case limit > 0:
		n.say("memory", Fine, "%d of %d MB are used (%s)", used>>20, limit>>20, policy)
	default:
		n.say("memory", Fine, "%d MB are used, and maxmemory sets no limit", used>>20)
	}
}

func (n nodeReport) disk(ctx context.Context) {
	failed := false
	for field, remedy := range map[string]string{
		"rdb_last_bgsave_status": "a snapshot failed", "aof_last_write_status": "writing the append-only file failed", "aof_last_bgrewrite_status": "rewriting the append-only file failed",
	} {
		if n.info[field] == "err" {
			failed = true
			n.say("disk", Fault, "%s: see its log, and whether its disk is full or its folder may be written", remedy)
		}
	}
	if failed {
		return
	}
	if n.info["aof_enabled"] == "1" {
		sync, ok := n.setting(ctx, "appendfsync")
		switch {
		case ok && sync == "always":
			n.say("disk", Fine, "every write is on the disk before it is answered (appendfsync always)")
		case ok && sync == "no":
			n.say("disk", Note, "appendfsync is no: a power cut takes back what the system had not written, about 30 s; set everysec or always")
		default:
			n.say("disk", Fine, "an append-only file is kept: a power cut takes back about a second, or nothing with appendfsync always")
		}
		return
	}
	snapshots, known := n.setting(ctx, "save")
	switch {
	case known && snapshots == "" && n.number("connected_slaves") == 0:
		n.say("disk", Fault, "nothing is kept on a disk (appendonly no, no snapshots): a restart loses all rooms; set appendonly yes")
	default:
		n.say("disk", Note, "appendonly is no: a restart takes back what was said since the last snapshot; set appendonly yes")
	}
}

func (n nodeReport) connections(ctx context.Context) {
	open, most := n.number("connected_clients"), n.number("maxclients")
	if most > 0 && most-open < poolSize+2 {
		n.say("connections", Note, "%d of %d connections are taken, and a server needs up to %d: raise maxclients", open, most, poolSize+2)
	}
	timeout, ok := n.setting(ctx, "timeout")
	seconds, _ := strconv.Atoi(timeout)
	switch {
	case !ok:
		n.say("connections", Note, "the idle timeout could not be read, for the user may not CONFIG GET: it should be 0, or over a minute")
	case seconds > 0 && time.Duration(seconds)*time.Second <= shortTimeout:
		n.say("connections", Note, "timeout is %d: connections that are idle for so long are closed, and a post after it has to connect first; set timeout 0, or over 60", seconds)
	default:
		n.say("connections", Fine, "connections that are idle stay open (timeout %d)", seconds)
	}
}

// shared looks for keys that are not of this chat.
func (n nodeReport) shared(ctx context.Context) {
	others := map[string]int{}
	chats := map[string]bool{}
	looked := 0
	for cursor := uint64(0); looked < scannedKeys; {
		keys, next, err := n.rdb.Scan(ctx, cursor, "*", 1000).Result()
		if err != nil {
			n.say("shared", Note, "keys of others could not be looked for: %s", oneLine(n.explain(err)))
			return
		}
		for _, key := range keys {
			if strings.HasPrefix(key, string(n.keys)) {
				continue
			}
			first, rest, _ := strings.Cut(key, ":")
			if db, version, ok := strings.Cut(rest, ":"); ok && version == "version" && db != "" {
				chats[first+":"+db] = true
			}
			others[first]++
		}
		looked += len(keys)
		if cursor = next; cursor == 0 {
			break
		}
	}
	if len(chats) > 0 {
		n.say("shared", Note, "other chats are on this database (%s): they share its memory and its fate", strings.Join(slices.Sorted(maps.Keys(chats)), ", "))
	}
	for chat := range chats {
		prefix, _, _ := strings.Cut(chat, ":")
		delete(others, prefix)
	}
	if len(others) == 0 {
		n.say("shared", Fine, "no other program keeps keys on this database")
		return
	}
	names := slices.SortedFunc(maps.Keys(others), func(a, b string) int { return cmp.Or(others[b]-others[a], strings.Compare(a, b)) })
	total := 0
	for _, count := range others {
		total += count
	}
	n.say("shared", Note, "%d keys of others are on this database (as %q): they take memory from the rooms, and a FLUSHDB of theirs takes the rooms; give the chat a Redis of its own", total, names[0])
}
