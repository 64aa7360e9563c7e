package redis

import (
	"context"
	_ "embed"
	"strconv"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

//go:embed outbox.lua
var outboxSource string

// A wanted is how many tasks of a bucket somebody asks for.
type wanted struct {
	bucket bucket
	n      int
}

var (
	outboxScript = newScript(
		[]param[wanted, string]{{"outbox", func(w wanted) string { return w.bucket.outbox() }}},
		[]param[wanted, any]{
			{"n", func(w wanted) any { return w.n }},
			{"life", func(wanted) any { return store.TaskLife.Milliseconds() }},
		},
		outboxSource)

	finishScript = newScript(
		[]param[receipt, string]{{"outbox", func(r receipt) string { return r.bucket.outbox() }}},
		[]param[receipt, any]{{"entry", func(r receipt) any { return r.entry }}}, `
redis.call('XACK', outbox, 'servers', entry)
redis.call('XDEL', outbox, entry)
return 1`)
)

// A receipt is where a task is.
type receipt struct {
	bucket bucket
	entry  string // of its stream
}

// Tasks is that of [store.Outbox], in one round trip. On a Cluster the tasks of a
// node that is away wait for it.
func (s *Store) Tasks(ctx context.Context, n int, near ...chat.RoomID) ([]chat.Task, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	var runs []*run
	for i := range buckets {
		b := s.keys.bucket(i)
		if len(near) > 0 {
			b = s.keys.bucketOf(near[0])
		}
		one := outboxScript.call(wanted{b, n})
		runs = append(runs, &one)
		if len(near) > 0 {
			break
		}
	}
	runAll(ctx, s.rdb, runs, wait{})
	var tasks []chat.Task
	var failed error
	for _, one := range runs {
		found, err := readTasks(one)
		if err != nil {
			failed = err
		}
		tasks = append(tasks, found...)
	}
	if failed != nil && len(tasks) == 0 {
		return nil, store.Unavailable("read the outbox", failed)
	}
	return tasks, nil
}

func readTasks(one *run) (tasks []chat.Task, err error) {
	entries, err := one.cmd.Slice()
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		parts, _ := entry.([]any)
		if len(parts) != 4 {
			return tasks, errReply
		}
		text := func(i int) string { v, _ := parts[i].(string); return v }
		was, _ := strconv.Atoi(text(3))
		t := chat.Task{Was: chat.Role(was), Receipt: one.keys[0] + " " + text(0)}
		t.Room = chat.RoomID(text(1))
		if t.ID, err = chat.ParseID(text(2)); err != nil {
			return tasks, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// Finish is that of [store.Outbox].
func (s *Store) Finish(ctx context.Context, tasks ...chat.Task) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	runs := make([]*run, len(tasks))
	for i, t := range tasks {
		_, entry, _ := strings.Cut(t.Receipt, " ")
		one := finishScript.call(receipt{s.keys.bucketOf(t.Room), entry})
		runs[i] = &one
	}
	runAll(ctx, s.rdb, runs, wait{})
	for _, one := range runs {
		if err := one.cmd.Err(); err != nil && err != redis.Nil {
			return store.Unavailable("finish a task", err)
		}
	}
	return nil
}
