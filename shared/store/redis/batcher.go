package redis

import (
	"context"
	"errors"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const maxBatch = 128 // appends in one round trip

var errReply = errors.New("a reply that the script does not give")

// A batcher sends appends to Redis. Whatever waits while one batch is under way
// goes out together as the next, so that concurrent posts share round trips
// without a timer. On a Cluster each append goes by itself: a batch would wait
// for the slowest of the nodes, and a dead one would hold up all rooms.
//
// Decision: our own lines instead of the driver's AutoPipeliner, which may
// repeat commands after a broken connection.
type batcher struct {
	store  *Store
	single bool // no batches
	calls  chan *call
}

// A call is an append on its way. The batcher owns it until done is closed.
type call struct {
	run
	ctx   context.Context
	req   request
	reply appended
	line  chat.Line // the event, with its position
	err   error
	done  chan struct{}
}

func newBatcher(s *Store) *batcher {
	return &batcher{store: s, single: s.clustered(), calls: make(chan *call, maxBatch)}
}

// do has an append made, or gives up in time for the answer.
func (b *batcher) do(ctx context.Context, req request) (chat.Line, appended, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	c := &call{run: b.store.appender.run(req), ctx: ctx, req: req, done: make(chan struct{})}
	if b.single {
		b.send(ctx, []*call{c})
		return c.line, c.reply, c.err
	}
	select {
	case b.calls <- c:
	case <-b.store.run.Done():
		return chat.Line{}, appended{}, redis.ErrClosed
	case <-ctx.Done():
		return chat.Line{}, appended{}, context.Cause(ctx)
	}
	select {
	case <-c.done:
		return c.line, c.reply, c.err
	case <-b.store.run.Done():
		return chat.Line{}, appended{}, redis.ErrClosed
	case <-ctx.Done():
		return chat.Line{}, appended{}, context.Cause(ctx)
	}
}

func (b *batcher) work(ctx context.Context) {
	for {
		var batch []*call
		select {
		case c := <-b.calls:
			batch = append(batch, c)
		case <-ctx.Done():
			return
		}
		for len(batch) < maxBatch && len(b.calls) > 0 {
			batch = append(batch, <-b.calls)
		}
		b.send(ctx, batch)
	}
}

// send answers every call of the batch. A call whose caller has gone before it
// was sent is not sent.
func (b *batcher) send(ctx context.Context, batch []*call) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	var live []*call
	for _, c := range batch {
		if c.err = c.ctx.Err(); c.err == nil {
			live = append(live, c)
		}
	}
	if len(live) > 0 {
		b.write(ctx, live)
	}
	for _, c := range batch {
		close(c.done)
	}
	if b.store.replication != nil { // followers see it once replicas have it
		return
	}
	for _, c := range live {
		b.deliver(c)
	}
}

func (b *batcher) write(ctx context.Context, calls []*call) {
	if r := b.store.replication; r != nil {
		r.append(ctx, calls)
		return
	}
	runCalls(ctx, b.store.rdb, calls, wait{})
}

// runCalls makes the calls in one round trip and reads their replies. It
// returns how many replicas have what was written, of those that are waited for.
func runCalls(ctx context.Context, rdb redis.Cmdable, calls []*call, w wait) int {
	runs := make([]*run, len(calls))
	for i, c := range calls {
		runs[i] = &c.run
	}
	got := runAll(ctx, rdb, runs, w)
	for _, c := range calls {
		c.read()
	}
	return got
}

// read reads the reply.
func (c *call) read() {
	if c.reply, c.err = readAppended(c.cmd); c.err != nil || !c.reply.inLog() {
		return
	}
	c.line = store.Join(c.reply.position.Give(c.req.ev), c.req.body)
}

// deliver hands an event that was written on to those who follow its room
// here, without waiting for the subscription. They look at it before the author
// is answered: on one core what was made ready last goes first.
func (b *batcher) deliver(c *call) {
	if c.err == nil && c.reply.inLog() && c.reply.verdict != repeated {
		b.store.sub.deliverLocal(c.line)
	}
}
