package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	replicaTimeout = time.Second // what replicas are given to acknowledge
	showPage       = 128         // events that one show publishes
)

//go:embed show.lua
var showSource string

// A showing is how far a room is to be shown.
type showing struct {
	keys roomKeys
	upTo chat.ID
}

var (
	showScript = newScript(
		[]param[showing, string]{
			{"log", func(s showing) string { return s.keys.log() }},
			{"meta", func(s showing) string { return s.keys.meta() }},
		},
		[]param[showing, any]{
			{"channel", func(s showing) any { return s.keys.channel() }},
			{"upto", func(s showing) any { return s.upTo.String() }},
			{"page", func(showing) any { return showPage }},
		},
		showSource)

	// touchScript writes what is there, so that a WAIT after it on the same
	// connection covers everything written before.
	touchScript = newScript([]param[roomKeys, string]{{"meta", roomKeys.meta}}, nil, `
local last = redis.call('HGET', meta, 'last')
if last then redis.call('HSET', meta, 'last', last) end
return last or '0-0'`)
)

var errTooFew = errors.New("too few replicas have it")

// Replication publishes an event once enough replicas have acknowledged it. An
// event is written, then waited for on the same connection, then shown: the
// field "shown" of its room's meta moves to it and it is published. Reading
// goes as far as that field, so nobody sees a line that a failover takes back.
//
// An event that too few replicas acknowledged stays in the log unseen. The next
// one that is acknowledged confirms it too, for replicas copy in order; so does
// a repeat of the post, and a reader that finds that there is more than is
// shown: what a failover takes back is the field itself, at worst.
//
// Decision: how many replicas there should be is said by the operator, or goes
// by the most that were ever seen, kept in Redis. That does not shrink when one
// dies: a WAIT for those alive is no promise, for which of them is promoted
// is not ours to say. Majority asks those that did not acknowledge, see
// insync.go.
type replication struct {
	store  *Store
	quorum quorum

	mu     sync.Mutex // guards what follows
	sets   map[bucket]*replicaSet
	failed time.Time // when too few acknowledged last
}

// newReplication returns nil where the primary's word is enough.
func newReplication(s *Store, durability string) (*replication, error) {
	q, ok, err := parseDurability(durability)
	if err != nil || !ok {
		return nil, err
	}
	return &replication{store: s, quorum: q, sets: map[bucket]*replicaSet{}}, nil
}

// primary is a connection to where a room is written. All that an event needs
// goes over the same one: if another primary takes over meanwhile, it breaks,
// and nothing is taken for acknowledged there.
func (r *replication) primary(ctx context.Context, key string) (*redis.Conn, error) {
	switch rdb := r.store.rdb.(type) {
	case *redis.ClusterClient:
		primary, err := rdb.MasterForKey(ctx, key)
		if err != nil {
			return nil, err
		}
		return primary.Conn(), nil
	case *redis.Client:
		return rdb.Conn(), nil
	}
	return nil, errors.ErrUnsupported
}

// append makes the calls, which are of one primary, and shows what replicas
// acknowledged. What was not acknowledged fails.
func (r *replication) append(ctx context.Context, calls []*call) {
	err := r.acknowledge(ctx, calls)
	for _, c := range calls {
		switch {
		case c.cmd == nil, c.err == nil && c.reply.inLog():
			c.err = err
		case redis.HasErrorPrefix(c.err, "MOVED"):
			if cluster, ok := r.store.rdb.(*redis.ClusterClient); ok {
				cluster.ReloadState(ctx)
			}
		}
	}
}

// acknowledge makes the calls and fails when what they wrote may be lost.
func (r *replication) acknowledge(ctx context.Context, calls []*call) error {
	room := calls[0].req.ev.Room
	set, err := r.set(ctx, room)
	if err != nil {
		return err
	}
	conn, err := r.primary(ctx, r.store.keys.room(room).log())
	if err != nil {
		return err
	}
	defer conn.Close()
	got := runCalls(ctx, conn, calls, r.wait(set))
	if err := r.confirm(ctx, conn, set, got); err != nil {
		return err
	}
	last := map[chat.RoomID]chat.ID{}
	for _, c := range calls {
		if c.err == nil && c.reply.inLog() && c.reply.position.ID.After(last[c.req.ev.Room]) {
			last[c.req.ev.Room] = c.reply.position.ID
		}
	}
	return r.show(ctx, conn, last)
}

// show lets everybody see rooms as far as these ids.
func (r *replication) show(ctx context.Context, rdb redis.Cmdable, last map[chat.RoomID]chat.ID) error {
	var runs []*run
	for room, id := range last {
		one := showScript.call(showing{r.store.keys.room(room), id})
		runs = append(runs, &one)
	}
	if len(runs) == 0 {
		return nil
	}
	runAll(ctx, rdb, runs, wait{})
	var errs []error
	for _, one := range runs {
		errs = append(errs, one.cmd.Err())
	}
	return errors.Join(errs...)
}

// settle has replicas acknowledge what is in a room's log, and shows it. After
// it failed it is left alone for a moment, for a reader waits for it.
func (r *replication) settle(ctx context.Context, room chat.RoomID) (chat.ID, error) {
	r.mu.Lock()
	failed := time.Since(r.failed) < replicaTimeout
	r.mu.Unlock()
	if failed {
		return chat.ID{}, errTooFew
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	set, err := r.set(ctx, room)
	if err != nil {
		return chat.ID{}, err
	}
	conn, err := r.primary(ctx, r.store.keys.room(room).log())
	if err != nil {
		return chat.ID{}, err
	}
	defer conn.Close()
	touch := touchScript.call(r.store.keys.room(room))
	got := runAll(ctx, conn, []*run{&touch}, r.wait(set))
	text, err := touch.cmd.Text()
	if err != nil {
		return chat.ID{}, err
	}
	if err := r.confirm(ctx, conn, set, got); err != nil {
		return chat.ID{}, err
	}
	r.enough()
	last, err := chat.ParseID(text)
	if err != nil || last.IsZero() {
		return last, err
	}
	return last, r.show(ctx, conn, map[chat.RoomID]chat.ID{room: last})
}

// probe makes a run and fails when too few replicas acknowledge it.
func (r *replication) probe(ctx context.Context, one *run) error {
	set, err := r.set(ctx, chat.RoomID(one.keys[0])) // no room, but it has a primary
	if err != nil {
		return err
	}
	conn, err := r.primary(ctx, one.keys[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	got := runAll(ctx, conn, []*run{one}, r.wait(set))
	if err := one.cmd.Err(); err != nil {
		return err
	}
	return r.confirm(ctx, conn, set, got)
}

// enough ends what tooFew began.
func (r *replication) enough() {
	r.mu.Lock()
	r.failed = time.Time{}
	r.mu.Unlock()
}

func (r *replication) tooFew(need int) error {
	r.tooFewNow()
	return fmt.Errorf("%w: %d should", errTooFew, need)
}

func (r *replication) tooFewNow() {
	r.mu.Lock()
	r.failed = time.Now()
	r.mu.Unlock()
}
