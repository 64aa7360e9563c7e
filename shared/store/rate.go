package store

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"time"

	"confab/shared/chat"
)

//go:embed rate.lua
var rateSource string

// Decision: these lines, which the append shares, instead of redis_rate: that
// shuts out for an hour a user who was counted before Redis's clock was set
// back by one.
var rateScript = newScript(
	[]param[charge, string]{{"counter", func(c charge) string { return c.key }}},
	[]param[charge, any]{
		{"interval", func(c charge) any { return c.rate.interval() }},
		{"burst", func(c charge) any { return c.rate.Burst }},
		{"n", func(c charge) any { return c.n }},
	},
	rateSource, `
local t = redis.call('TIME')
return rate(counter, t[1] * 1000000 + t[2], tonumber(interval), tonumber(burst), tonumber(n))`)

// A charge counts n at once against a key.
type charge struct {
	key  string
	n    int
	rate Rate
}

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

// Allow counts one more login, or whatever what names, by who, on all servers
// together.
// It fails with [chat.ErrTooMany] in a [chat.RetryError] when that is too
// many, and with [chat.ErrUnavailable] when Redis does not answer.
func (s *Store) Allow(ctx context.Context, what, who string, r Rate) error {
	if r.interval() == 0 {
		return nil
	}
	us, err := s.charge(ctx, charge{rateKey(what, who), 1, r})
	if err != nil {
		return unavailable("count a "+what, err)
	}
	return tooMany(what, us)
}

// charge counts, unless that would be too many, and returns the µs to wait then.
func (s *Store) charge(ctx context.Context, c charge) (us int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	r := rateScript.call(c)
	return rateScript.Run(ctx, s.rdb, r.keys, r.args...).Int64()
}

// AllowSoon is Allow for what must neither wait for Redis nor stop with it. It
// counts here and reports a batch at a time to Redis, behind the caller's back;
// when that was too many, what comes after it is refused. A server lets by a
// batch more than Allow would, and counts alone while Redis does not answer.
func (s *Store) AllowSoon(what, who string, r Rate) error {
	if r.interval() == 0 {
		return nil
	}
	key := rateKey(what, who)
	us, c, batch := s.counted.add(key, time.Now(), r)
	if batch > 0 {
		s.start(func(ctx context.Context) {
			us, err := s.charge(ctx, charge{key, batch, r})
			s.counted.reported(c, time.Now(), us, err, batch, r)
		})
	}
	return tooMany(what, us)
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
