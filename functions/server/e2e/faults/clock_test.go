package faults_test

import (
	"fmt"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
)

// A line that is said again under its key after the jump is one line.
func TestTortureClockOfRedisJumps(t *testing.T) {
	torture(t, "clock of Redis back and forth by 1 h", func(r *round) {
		c := redistest.NewClock(r)
		redis := redistest.NewIn(r, c.Env())
		s := process.Start(r, openTo(redis.URL())...)
		l := r.load(plan{}, s.URL)
		for i, by := range []time.Duration{-time.Hour, 0, time.Hour, -time.Hour} {
			r.calm()
			said := l.line(l.rooms[0], fmt.Sprint("before jump ", i))
			key := fmt.Sprint("jump-", i)
			l.insist(r.Context(), 0, said, key)
			c.Set(r, by)
			at, err := redis.Time(r.Context()).Result()
			if off := time.Until(at.Add(-by)).Abs(); err != nil || off > time.Minute {
				r.Fatalf("Redis says %v %v, by %v wrong", at, err, by)
			}
			l.insist(r.Context(), 0, said, key)
			l.heal()
		}
		r.calm()
		l.check()
	})
}
