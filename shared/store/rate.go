package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

//go:embed rate.lua
var rateSource string

// Decision: these lines, which the append shares, instead of redis_rate: that
// shuts out for an hour who was counted before Redis's clock was set back by
// one.
var rateScript = redis.NewScript(rateSource + `
local t = redis.call('TIME')
return rate(KEYS[1], t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2]))`)

// A Rate is how often something may be done: so often a second in the long
// run, and so often at once. 0 in either lifts the limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// interval is the µs between two, 0 for no limit.
func (r Rate) interval() int64 {
	if r.PerSecond <= 0 || r.Burst <= 0 {
		return 0
	}
	return int64(math.Ceil(1e6 / r.PerSecond))
}

// Allow counts one more login, or what else, by who, on all servers together.
// It fails with [chat.ErrTooMany] in a [chat.RetryError] when that is too
// many, and with [chat.ErrUnavailable] when Redis does not answer.
func (s *Store) Allow(ctx context.Context, what, who string, r Rate) error {
	if r.interval() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	us, err := rateScript.Run(ctx, s.rdb, []string{rateKey(what, who)}, r.interval(), r.Burst).Int64()
	if err != nil {
		return unavailable("count a "+what, err)
	}
	return tooMany(what, us)
}

// AllowHere is Allow, but counts on this server alone while Redis does not
// answer: for what must not stop with it.
func (s *Store) AllowHere(ctx context.Context, what, who string, r Rate) error {
	err := s.Allow(ctx, what, who, r)
	if errors.Is(err, chat.ErrUnavailable) {
		return tooMany(what, s.buckets.take(rateKey(what, who), time.Now(), r))
	}
	return err
}

func rateKey(what, who string) string { return "confab:rate:" + what + ":" + who }

func tooMany(what string, us int64) error {
	if us == 0 {
		return nil
	}
	return &chat.RetryError{
		Err:   fmt.Errorf("%w %ss at once: wait a moment, nothing was done", chat.ErrTooMany, what),
		After: time.Duration(us) * time.Microsecond,
	}
}

// Buckets count on this server alone, as rate.lua does.
type buckets struct {
	mu   sync.Mutex
	paid map[string]time.Time
}

const maxBuckets = 10_000 // a flood by so many empties them

func (b *buckets) take(key string, now time.Time, r Rate) (us int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paid == nil || len(b.paid) >= maxBuckets {
		b.paid = map[string]time.Time{}
	}
	interval := time.Duration(r.interval()) * time.Microsecond
	paid := b.paid[key]
	if paid.Before(now) {
		paid = now
	}
	wait := paid.Add(interval).Sub(now) - interval*time.Duration(r.Burst)
	if wait > 0 {
		return wait.Microseconds()
	}
	b.paid[key] = paid.Add(interval)
	return 0
}
