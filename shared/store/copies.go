package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	copyTimeout = time.Second     // what replicas are given to confirm
	countEvery  = 5 * time.Second // how often replicas are counted
	countKey    = "confab:replicas"
	showPage    = 128 // events that one show rings the bell for
)

//go:embed show.lua
var showSource string

var (
	showScript = redis.NewScript(showSource)

	// touchScript writes what is there, so that a WAIT after it on the same
	// connection covers everything written before.
	touchScript = redis.NewScript(`
local last = redis.call('HGET', KEYS[1], 'last')
if last then redis.call('HSET', KEYS[1], 'last', last) end
return last or '0-0'`)

	mostScript = redis.NewScript(`
local n = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], n)
return n`)
)

var errFew = errors.New("too few replicas have it")

// Copies holds appends to what replicas confirm. An event is written, then
// waited for on the same connection, then shown: the field "shown" of its
// room's meta moves to it and the bell rings. Reading goes as far as that
// field, so nobody sees a line that a failover takes back.
//
// An event that too few confirmed stays in the log unseen. The next one that
// is confirmed confirms it too, for replicas copy in order; so does a repeat
// of the post, and a reader who finds that there is more than is shown: what a
// failover takes back is the field itself, at worst.
//
// Decision: how many replicas there should be is said by the operator, or is
// the most that were ever seen, kept in Redis. It does not shrink when one
// dies: a WAIT for those alive is no promise, for which of them is promoted
// is not ours to say.
type copies struct {
	store *Store
	fixed int // 0: the most that were seen

	mu      sync.Mutex // guards what follows
	most    int
	counted time.Time
	few     time.Time // when too few confirmed last
}

// newCopies reads "replicas" or "replicas:2".
func newCopies(s *Store, durability string) (*copies, error) {
	kind, n, exact := strings.Cut(durability, ":")
	fixed, err := strconv.Atoi(n)
	if kind != "replicas" || (exact && (err != nil || fixed < 1)) {
		return nil, fmt.Errorf("DURABILITY is %q: it may be primary, replicas, or replicas:2 for two of them", durability)
	}
	if s.local != nil {
		return nil, fmt.Errorf("DURABILITY is %q, but the built-in Redis has no replicas: set REDIS_URL", durability)
	}
	return &copies{store: s, fixed: fixed}, nil
}

// need is how many replicas are to confirm, at least one.
func (c *copies) need(ctx context.Context) int {
	if c.fixed > 0 {
		return c.fixed
	}
	c.mu.Lock()
	most, fresh := c.most, time.Since(c.counted) < countEvery
	c.mu.Unlock()
	if fresh {
		return max(1, most)
	}
	now, err := c.count(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.store.log.Warn("replicas not counted", "err", err)
	} else {
		c.counted = time.Now()
	}
	c.most = max(c.most, now)
	return max(1, c.most)
}

// count returns the most replicas that a primary has, or was ever seen to have.
func (c *copies) count(ctx context.Context) (int, error) {
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
	switch rdb := c.store.rdb.(type) {
	case *redis.ClusterClient:
		err = rdb.ForEachMaster(ctx, one)
	case *redis.Client:
		err = one(ctx, rdb)
	}
	if err != nil {
		return most, err
	}
	return mostScript.Run(ctx, c.store.rdb, []string{countKey}, most).Int()
}

// primary is where a room is written: WAIT must follow on the same connection.
func (c *copies) primary(ctx context.Context, room chat.RoomID) (redis.Cmdable, error) {
	if cluster, ok := c.store.rdb.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key(room, "log"))
	}
	return c.store.rdb, nil
}

// append makes the runs, which are of one primary, and shows what replicas
// confirmed. The others fail.
func (c *copies) append(ctx context.Context, calls []*call, runs []*run) {
	need := c.need(ctx)
	rdb, err := c.primary(ctx, calls[0].ev.Room)
	if err == nil {
		if runAll(ctx, rdb, appendScript, runs, need) < need {
			err = c.tooFew(need)
		}
	}
	last := map[chat.RoomID]chat.ID{}
	for _, call := range calls {
		id, written := writtenAs(call)
		if err == nil && written && id.After(last[call.ev.Room]) {
			last[call.ev.Room] = id
		}
	}
	if err == nil {
		err = c.show(ctx, rdb, last)
	}
	for _, call := range calls {
		if _, written := writtenAs(call); call.cmd == nil || written {
			call.err = err
		} else if cluster, ok := c.store.rdb.(*redis.ClusterClient); ok && redis.HasErrorPrefix(call.cmd.Err(), "MOVED") {
			cluster.ReloadState(ctx)
		}
	}
}

// writtenAs returns the id of an append that is in the primary's log.
func writtenAs(c *call) (chat.ID, bool) {
	if c.cmd == nil {
		return chat.ID{}, false
	}
	reply, err := c.cmd.StringSlice()
	if err != nil || (reply[0] != "ok" && reply[0] != "again") {
		return chat.ID{}, false
	}
	id, err := chat.ParseID(reply[1])
	return id, err == nil
}

// show lets everybody see rooms as far as these ids.
func (c *copies) show(ctx context.Context, rdb redis.Cmdable, last map[chat.RoomID]chat.ID) error {
	var runs []*run
	for room, id := range last {
		runs = append(runs, &run{
			keys: []string{key(room, "log"), key(room, "meta")},
			args: []any{channel(room), id.String(), showPage},
		})
	}
	if len(runs) == 0 {
		return nil
	}
	runAll(ctx, rdb, showScript, runs, 0)
	var errs []error
	for _, r := range runs {
		errs = append(errs, r.cmd.Err())
	}
	return errors.Join(errs...)
}

// settle has replicas confirm what is in a room's log, and shows it. After it
// failed it is left alone for a moment, for a reader waits for it.
func (c *copies) settle(ctx context.Context, room chat.RoomID) (chat.ID, error) {
	c.mu.Lock()
	few := time.Since(c.few) < copyTimeout
	c.mu.Unlock()
	if few {
		return chat.ID{}, errFew
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	need := c.need(ctx)
	rdb, err := c.primary(ctx, room)
	if err != nil {
		return chat.ID{}, err
	}
	touch := &run{keys: []string{key(room, "meta")}}
	got := runAll(ctx, rdb, touchScript, []*run{touch}, need)
	text, err := touch.cmd.Text()
	if err != nil {
		return chat.ID{}, err
	}
	if got < need {
		return chat.ID{}, c.tooFew(need)
	}
	last, err := chat.ParseID(text)
	if err != nil || last.IsZero() {
		return last, err
	}
	return last, c.show(ctx, rdb, map[chat.RoomID]chat.ID{room: last})
}

func (c *copies) tooFew(need int) error {
	c.mu.Lock()
	c.few = time.Now()
	c.mu.Unlock()
	return fmt.Errorf("%w: %d should", errFew, need)
}
