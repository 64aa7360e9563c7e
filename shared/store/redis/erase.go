package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	eraseInterval = 20 * time.Second // how often what was taken out of logs is erased
	eraseLease    = 30 * time.Second // how long a process that died keeps others from it
	erasePage     = 64               // entries that are copied while posts wait
	eraseRooms    = 1000             // of a bucket, in one round
	copyLife      = time.Minute      // of a copy with which nobody goes on
	eraseShare    = 4                // times as long as a page took, Redis is left alone after it
)

//go:embed erase.lua
var eraseSource string

// An erasure is a room of whose log a text was taken out: by which event, the
// last time.
type erasure struct {
	room  chat.RoomID
	since string
}

// An erasing is one page of it.
type erasing struct {
	keys roomKeys
	erasure
	begin bool
	page  int
}

var (
	eraseScript = newScript(
		[]param[erasing, string]{
			{"log", func(e erasing) string { return e.keys.log() }},
			{"copy", func(e erasing) string { return e.keys.copy() }},
			{"meta", func(e erasing) string { return e.keys.meta() }},
			{"edits", func(e erasing) string { return e.keys.edits() }},
			{"erasing", func(e erasing) string { return e.keys.erasing() }},
		},
		[]param[erasing, any]{
			{"room", func(e erasing) any { return string(e.room) }},
			{"since", func(e erasing) any { return e.since }},
			{"begin", func(e erasing) any { return e.begin }}, // sent as 1 or 0
			{"page", func(e erasing) any { return e.page }},
			{"life", func(erasing) any { return copyLife.Milliseconds() }},
		},
		eraseSource)

	// leaseScript makes one process of all the one that erases, as long as it
	// says so again.
	leaseScript = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

	errLeaseLost = errors.New("another process erases")
)

// An eraser has what was taken out of logs leave Redis's memory, and so what it
// saves. Of all servers one does it, a room at a time: while that is copied, its
// log is there twice.
//
// Decision: a copy, instead of texts beside the stream in a hash, from which they
// could be taken. That would cost every post a command, every line about a
// hundred bytes, and every read a second round trip; a copy costs only rooms in
// which something was taken out.
type eraser struct {
	store *Store
	self  string // stands for this process
	page  int
	leads bool // held the lease when it was asked last
}

func (s *Store) newEraser() *eraser { return &eraser{store: s, self: rand.Text(), page: erasePage} }

// work erases until ctx ends.
func (e *eraser) work(ctx context.Context) {
	defer e.end(context.WithoutCancel(ctx))
	failing := false
	for {
		pause(ctx, eraseInterval)
		if ctx.Err() != nil {
			return
		}
		err := e.all(ctx)
		failed := err != nil && !errors.Is(err, errLeaseLost) && ctx.Err() == nil
		if failed && !failing {
			e.store.log.Warn("what was deleted is not erased from Redis yet, retrying", "err", e.store.explain(err))
		}
		failing = failed
	}
}

// all erases in every room that is due.
func (e *eraser) all(ctx context.Context) error {
	if err := e.lease(ctx); err != nil {
		return err
	}
	due, err := e.due(ctx)
	errs := []error{err}
	for _, one := range due {
		err := e.room(ctx, one)
		if errors.Is(err, errLeaseLost) || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// due are the rooms in which something is to be erased. On a Cluster some may be
// away.
func (e *eraser) due(ctx context.Context) (due []erasure, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	pipe := e.store.rdb.Pipeline()
	var scans [buckets]*redis.ScanCmd
	for n := range scans {
		scans[n] = pipe.HScan(ctx, e.store.keys.bucket(n).erasing(), 0, "", eraseRooms)
	}
	_, err = pipe.Exec(ctx)
	for _, scan := range scans {
		found, _ := scan.Val()
		for i := 0; i+1 < len(found); i += 2 {
			due = append(due, erasure{chat.RoomID(found[i]), found[i+1]})
		}
	}
	return due, err
}

// room makes one room's log anew.
func (e *eraser) room(ctx context.Context, one erasure) error {
	next := erasing{keys: e.store.keys.room(one.room), erasure: one, begin: true, page: e.page}
	for {
		began := time.Now()
		more, err := e.store.erase(ctx, next)
		if err != nil || !more {
			return err
		}
		next.begin = false
		pause(ctx, eraseShare*time.Since(began))
		if err := e.lease(ctx); err != nil {
			return err
		}
	}
}

// erase copies a page, and reports whether there is more to copy.
func (s *Store) erase(ctx context.Context, e erasing) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	call := eraseScript.call(e)
	runAll(ctx, s.rdb, []*run{&call}, wait{})
	return call.cmd.Bool()
}

// lease makes this process the one that erases, or fails where another is.
func (e *eraser) lease(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ours, err := leaseScript.Run(ctx, e.store.rdb, []string{e.store.keys.eraser()}, e.self, eraseLease.Milliseconds()).Bool()
	e.leads = err == nil && ours
	if err == nil && !ours {
		err = errLeaseLost
	}
	return err
}

// end lets another process go on at once.
func (e *eraser) end(ctx context.Context) {
	if !e.leads {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_ = freeScript.Run(ctx, e.store.rdb, []string{e.store.keys.eraser()}, e.self).Err() // or it ends by itself
}
