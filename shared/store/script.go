package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// A run is one call of a script, and what came of it.
type run struct {
	keys []string
	args []any
	cmd  *redis.Cmd
}

// runAll makes all runs of a script in one round trip, and in a second one
// those that met a Redis without the script: it was restarted, or another took
// over. With copies over 0 it returns how many replicas have what was written,
// by a WAIT on the same connection.
func runAll(ctx context.Context, rdb redis.Cmdable, script *redis.Script, runs []*run, copies int) int {
	got := sendAll(ctx, rdb, runs, copies, script.EvalSha)
	var unmet []*run
	for _, r := range runs {
		if redis.HasErrorPrefix(r.cmd.Err(), "NOSCRIPT") {
			unmet = append(unmet, r)
		}
	}
	if len(unmet) > 0 {
		got = min(got, sendAll(ctx, rdb, unmet, copies, script.Eval))
	}
	return got
}

type evaluate func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func sendAll(ctx context.Context, rdb redis.Cmdable, runs []*run, copies int, eval evaluate) int {
	pipe := rdb.Pipeline()
	for _, r := range runs {
		r.cmd = eval(ctx, pipe, r.keys, r.args...)
	}
	var wait *redis.Cmd
	if copies > 0 {
		wait = pipe.Do(ctx, "WAIT", copies, copyTimeout.Milliseconds())
	}
	_, _ = pipe.Exec(ctx) // each run has its own error
	if wait == nil {
		return 0
	}
	got, _ := wait.Int()
	return got
}
