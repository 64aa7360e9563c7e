package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

//go:embed append.lua
var appendSource string

var appendScript = redis.NewScript(rateSource + appendSource)

// Append writes an event that [chat.Compose] made into its room's log and
// rings the bell, in one round trip. The event comes back with its id and
// prev. An event whose author used its key within the last ten minutes, or
// longer ago in a quiet room, is not written again: replayed is true and the
// first one's id comes back.
//
// Errors: [chat.ErrReused] for a key that was used for another body,
// [chat.ErrTooMany] in a [chat.RetryError], [chat.ErrNotFound] and
// [chat.ErrForbidden] for the target, [chat.ErrUnavailable] when Redis did not
// answer: the event may have been written then, and the key tells on a repeat.
func (s *Store) Append(ctx context.Context, ev chat.Event) (_ chat.Event, replayed bool, err error) {
	if s.local != nil {
		return s.local.append(ctx, s, ev)
	}
	return s.append(ctx, ev, "")
}

func (s *Store) append(ctx context.Context, ev chat.Event, id string) (_ chat.Event, replayed bool, err error) {
	reply, err := s.desk.do(ctx, ev, run{keys: s.appendKeys(ev), args: s.appendArgs(ev, id)})
	if err != nil {
		return chat.Event{}, false, unavailable("append to "+string(ev.Room), err)
	}
	switch reply[0] {
	case "reused":
		return chat.Event{}, false, fmt.Errorf("%w: this Idempotency-Key was used for something else", chat.ErrReused)
	case "wait":
		us, _ := strconv.ParseInt(reply[1], 10, 64)
		return chat.Event{}, false, tooMany("post", us)
	case "gone":
		return chat.Event{}, false, fmt.Errorf("%w: that message is not in the room any more", chat.ErrNotFound)
	case "foreign":
		return chat.Event{}, false, fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
	}
	ev.ID, _ = chat.ParseID(reply[1])
	ev.Prev, _ = chat.ParseID(reply[2])
	s.index(ctx, ev.Room)
	return ev, reply[0] == "again" && ev.Key != "", nil
}

func (s *Store) appendKeys(ev chat.Event) []string {
	return []string{
		key(ev.Room, "log"), key(ev.Room, "meta"), key(ev.Room, "rate:"+ev.By.ID),
		key(ev.Room, "keys:0"), key(ev.Room, "keys:1"), key(ev.Room, "edits"),
	}
}

func (s *Store) appendArgs(ev chat.Event, id string) []any {
	rate := Rate{s.opts.PostsPerSecond, s.opts.PostBurst}
	idem := ev.Key
	if idem == "" { // the driver of a Cluster may send a command twice
		idem = rand.Text()
	}
	shown := "1"
	if s.copies != nil {
		shown = ""
	}
	target := ""
	if !ev.Target.IsZero() {
		target = ev.Target.String()
	}
	return []any{
		channel(ev.Room), string(ev.Kind), ev.By.ID, encode(ev), idem, digest(ev),
		target, s.opts.History, s.opts.Retention.Milliseconds(),
		rate.interval(), rate.Burst, id, shown,
	}
}

// encode is an event as the log and the bell hold it: JSON without id and
// prev, which stand beside it.
func encode(ev chat.Event) []byte {
	ev.ID, ev.Prev = chat.ID{}, chat.ID{}
	return chat.JSON(ev)
}

// decode is the other way.
func decode(id, prev, body string) (chat.Event, error) {
	var ev chat.Event
	if err := json.Unmarshal([]byte(body), &ev); err != nil {
		return ev, fmt.Errorf("event %s: %w", id, err)
	}
	var err error
	if ev.ID, err = chat.ParseID(id); err != nil {
		return ev, err
	}
	ev.Prev, err = chat.ParseID(prev)
	return ev, err
}

// digest tells two bodies under one idempotency key apart. The author's name
// is not in it: a repeat after a change of name is a repeat.
func digest(ev chat.Event) string {
	ev.By = chat.User{}
	ev.ID, ev.Prev = chat.ID{}, chat.ID{}
	sum := sha256.Sum256(chat.JSON(ev))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// A desk sends appends to Redis. Whatever waits while one batch is under way
// goes out together as the next, so that concurrent posts share round trips
// without a timer. On a Cluster each append goes by itself: a batch would wait
// for the slowest of the nodes, and a dead one would hold up all rooms.
//
// Decision: our own lines instead of the driver's AutoPipeliner, which may
// repeat commands after a broken connection.
type desk struct {
	store *Store
	alone bool // no batches
	calls chan *call
}

type call struct {
	run
	ctx  context.Context
	ev   chat.Event // without id and prev
	err  error
	done chan struct{}
}

const deskBatch = 128 // appends in one round trip, at most

func newDesk(s *Store) *desk {
	_, cluster := s.rdb.(*redis.ClusterClient)
	return &desk{store: s, alone: cluster || s.local != nil, calls: make(chan *call, deskBatch)}
}

// do has an append made, or gives up in time for the answer.
func (d *desk) do(ctx context.Context, ev chat.Event, r run) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	c := &call{run: r, ctx: ctx, ev: ev, done: make(chan struct{})}
	if d.alone {
		d.send(ctx, []*call{c})
		return c.reply()
	}
	select {
	case d.calls <- c:
	case <-d.store.run.Done():
		return nil, redis.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case <-c.done:
		return c.reply()
	case <-d.store.run.Done():
		return nil, redis.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (d *desk) work(ctx context.Context) {
	for {
		var batch []*call
		select {
		case c := <-d.calls:
			batch = append(batch, c)
		case <-ctx.Done():
			return
		}
		for len(batch) < deskBatch && len(d.calls) > 0 {
			batch = append(batch, <-d.calls)
		}
		d.send(ctx, batch)
	}
}

// send answers every call of the batch. A call whose caller has gone before it
// was sent is not sent.
func (d *desk) send(ctx context.Context, batch []*call) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	var here []*call
	var runs []*run
	for _, c := range batch {
		if c.err = c.ctx.Err(); c.err == nil {
			here, runs = append(here, c), append(runs, &c.run)
		}
	}
	switch {
	case len(runs) == 0:
	case d.store.copies == nil:
		runAll(ctx, d.store.rdb, appendScript, runs, 0)
	default:
		d.store.copies.append(ctx, here, runs)
	}
	for _, c := range batch {
		close(c.done)
	}
	if d.store.copies != nil { // not before the bell rings for what replicas have
		return
	}
	for _, c := range here {
		d.pass(c)
	}
}

// pass hands an event that was written on to who follows its room here,
// without waiting for the bell. They look at it before the author is answered:
// on one core what was made ready last goes first.
func (d *desk) pass(c *call) {
	reply, err := c.reply()
	if err != nil || reply[0] != "ok" {
		return
	}
	ev := c.ev
	ev.ID, _ = chat.ParseID(reply[1])
	ev.Prev, _ = chat.ParseID(reply[2])
	d.store.bell.pass(ev)
}

func (c *call) reply() ([]string, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.cmd.StringSlice()
}

// index notes, now and then, that a room is alive, for those who ask which
// rooms there are. It is not part of the append: it spans rooms, and nothing
// is lost with it.
func (s *Store) index(ctx context.Context, room chat.RoomID) {
	s.mu.Lock()
	now := time.Now()
	if now.Sub(s.indexedAt) > indexEvery {
		s.indexed, s.indexedAt = map[chat.RoomID]bool{}, now
	}
	done := s.indexed[room]
	s.indexed[room] = true
	s.mu.Unlock()
	if done {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), indexTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	pipe.ZAdd(ctx, roomIndex, redis.Z{Score: float64(now.Unix()), Member: string(room)})
	pipe.ZRemRangeByRank(ctx, roomIndex, 0, -indexedRooms-1)
	if _, err := pipe.Exec(ctx); err != nil {
		s.log.Warn("room not indexed", "room", room, "err", err)
	}
}
