package store

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

//go:embed append.lua
var appendSource string

var appendScript = redis.NewScript(appendSource)

// Append writes an event that [chat.Compose] made into its room's log and
// rings the bell, in one round trip. The event comes back with its id and
// prev. An event whose author used its key within the last ten minutes is not
// written again: replayed is true and the first one's id comes back.
//
// Errors: [chat.ErrReused] for a key that was used for another body,
// [chat.ErrTooMany] in a [chat.RetryError], [chat.ErrNotFound] and
// [chat.ErrForbidden] for the target, [chat.ErrUnavailable] when Redis did not
// answer: the event may have been written then, and the key tells on a repeat.
func (s *Store) Append(ctx context.Context, ev chat.Event) (_ chat.Event, replayed bool, err error) {
	if s.local != nil {
		return s.local.append(ctx, s, ev)
	}
	return s.append(ctx, ev, "*")
}

func (s *Store) append(ctx context.Context, ev chat.Event, id string) (_ chat.Event, replayed bool, err error) {
	reply, err := s.desk.do(ctx, s.appendKeys(ev), s.appendArgs(ev, id))
	if err != nil {
		return chat.Event{}, false, unavailable("append to "+string(ev.Room), err)
	}
	switch reply[0] {
	case "reused":
		return chat.Event{}, false, fmt.Errorf("%w: this Idempotency-Key was used for something else", chat.ErrReused)
	case "wait":
		var us int64
		fmt.Sscan(reply[1], &us)
		return chat.Event{}, false, &chat.RetryError{
			Err:   fmt.Errorf("%w posts at once: wait a moment, nothing was sent", chat.ErrTooMany),
			After: time.Duration(us) * time.Microsecond,
		}
	case "gone":
		return chat.Event{}, false, fmt.Errorf("%w: that message is not in the room any more", chat.ErrNotFound)
	case "foreign":
		return chat.Event{}, false, fmt.Errorf("%w: that message is somebody else's", chat.ErrForbidden)
	}
	ev.ID, _ = chat.ParseID(reply[1])
	ev.Prev, _ = chat.ParseID(reply[2])
	s.index(ev.Room)
	return ev, reply[0] == "again", nil
}

func (s *Store) appendKeys(ev chat.Event) []string {
	return []string{
		key(ev.Room, "log"), key(ev.Room, "meta"), key(ev.Room, "rate:"+ev.By.ID),
		key(ev.Room, "keys:0"), key(ev.Room, "keys:1"), key(ev.Room, "edits"),
	}
}

func (s *Store) appendArgs(ev chat.Event, id string) []any {
	interval := 0.0
	if s.opts.PostsPerSecond > 0 {
		interval = 1e6 / s.opts.PostsPerSecond
	}
	target := ""
	if !ev.Target.IsZero() {
		target = ev.Target.String()
	}
	return []any{
		channel(ev.Room), string(ev.Kind), ev.By.ID, encode(ev), ev.Key, digest(ev),
		target, s.opts.History, s.opts.Retention.Milliseconds(),
		int64(interval), max(1, s.opts.PostBurst), id, "1",
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
// without a timer.
//
// Decision: our own forty lines instead of the driver's AutoPipeliner, which
// may repeat commands after a broken connection.
type desk struct {
	rdb   redis.UniversalClient
	calls chan *call
}

type call struct {
	ctx   context.Context
	keys  []string
	args  []any
	reply []string
	err   error
	done  chan struct{}
}

const deskBatch = 128 // appends in one round trip, at most

func newDesk(rdb redis.UniversalClient) *desk {
	return &desk{rdb: rdb, calls: make(chan *call, deskBatch)}
}

func (d *desk) do(ctx context.Context, keys []string, args []any) ([]string, error) {
	c := &call{ctx: ctx, keys: keys, args: args, done: make(chan struct{})}
	select {
	case d.calls <- c:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case <-c.done:
		return c.reply, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (d *desk) run(ctx context.Context) {
	batch := make([]*call, 0, deskBatch)
	for {
		batch = batch[:0]
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
	pipe := d.rdb.Pipeline()
	cmds := make([]*redis.Cmd, len(batch))
	for i, c := range batch {
		if c.err = c.ctx.Err(); c.err == nil {
			cmds[i] = appendScript.EvalSha(ctx, pipe, c.keys, c.args...)
		}
	}
	pipe.Exec(ctx) // each command has its own error
	for i, c := range batch {
		if c.err == nil {
			cmd := cmds[i]
			if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") { // a Redis that has not met the script
				cmd = appendScript.Eval(ctx, d.rdb, c.keys, c.args...)
			}
			c.reply, c.err = cmd.StringSlice()
		}
		close(c.done)
	}
}

// index notes, now and then, that a room is alive, for those who ask which
// rooms there are. It is not part of the append: it spans rooms, and nothing
// is lost with it.
func (s *Store) index(room chat.RoomID) {
	const often = 30 * time.Second
	now := time.Now()
	if at, ok := s.indexed.Load(room); ok && now.Sub(at.(time.Time)) < often {
		return
	}
	s.indexed.Store(room, now)
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
		defer cancel()
		err := s.rdb.ZAdd(ctx, roomIndex, redis.Z{Score: float64(now.Unix()), Member: string(room)}).Err()
		if err != nil && !strings.Contains(err.Error(), "closed") {
			s.log.Warn("room not indexed", "room", room, "err", err)
		}
	})
}
