package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A param is a key or an argument of a script: its name there, and how its
// value is found for one call.
type param[T, V any] struct {
	name  string
	value func(T) V
}

// A script reads its keys and arguments by their names: they are bound to KEYS
// and ARGV in front of its source, so that no position stands in Lua. What does
// not change from call to call is bound there as a constant, and not sent.
type script[T any] struct {
	*redis.Script
	keys []param[T, string]
	args []param[T, any]
}

func newScript[T any](keys []param[T, string], args []param[T, any], source ...string) script[T] {
	var b strings.Builder
	bind(&b, "KEYS", keys)
	bind(&b, "ARGV", args)
	b.WriteString(strings.Join(source, "\n"))
	return script[T]{redis.NewScript(b.String()), keys, args}
}

func bind[T, V any](b *strings.Builder, table string, params []param[T, V]) {
	for i, p := range params {
		fmt.Fprintf(b, "local %s = %s[%d]\n", p.name, table, i+1)
	}
}

// constant is a value that a script knows: a number, a bool, or a string of
// printable ASCII.
func constant(name string, value any) string {
	return fmt.Sprintf("local %s = %#v\n", name, value)
}

// call is the run of the script for one call of it.
func (s script[T]) call(of T) run {
	r := run{script: s.Script, keys: make([]string, len(s.keys)), args: make([]any, len(s.args))}
	for i, p := range s.keys {
		r.keys[i] = p.value(of)
	}
	for i, p := range s.args {
		r.args[i] = p.value(of)
	}
	return r
}

// A run is one call of a script, and what came of it.
type run struct {
	script *redis.Script
	keys   []string
	args   []any
	cmd    *redis.Cmd // nil until it was sent
}

// A wait is how many replicas are to have what a run wrote, and how long they
// are given. Nothing is waited for by the zero wait.
type wait struct {
	replicas int
	timeout  time.Duration
}

// runAll makes all runs in one round trip, and in a second one those that met a
// Redis without their script: it was restarted, or another took over. It returns
// how many replicas have what was written, of those that are waited for, by a
// WAIT on the same connection.
func runAll(ctx context.Context, rdb redis.Cmdable, runs []*run, w wait) int {
	got := sendAll(ctx, rdb, runs, w, (*redis.Script).EvalSha)
	var missing []*run
	for _, r := range runs {
		if redis.HasErrorPrefix(r.cmd.Err(), "NOSCRIPT") {
			missing = append(missing, r)
		}
	}
	if len(missing) > 0 {
		got = min(got, sendAll(ctx, rdb, missing, w, (*redis.Script).Eval))
	}
	return got
}

type evaluate func(script *redis.Script, ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func sendAll(ctx context.Context, rdb redis.Cmdable, runs []*run, w wait, eval evaluate) int {
	pipe := rdb.Pipeline()
	for _, r := range runs {
		r.cmd = eval(r.script, ctx, pipe, r.keys, r.args...)
	}
	var got *redis.Cmd
	if w.replicas > 0 {
		got = pipe.Do(ctx, "WAIT", w.replicas, w.timeout.Milliseconds())
	}
	_, _ = pipe.Exec(ctx) // each run has its own error
	if got == nil {
		return 0
	}
	n, err := got.Int()
	if err != nil { // nobody said that a replica has it
		return 0
	}
	return n
}
