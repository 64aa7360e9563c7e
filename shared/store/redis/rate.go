package redis

import (
	"context"
	_ "embed"
	"time"

	"confab/shared/store"
)

//go:embed rate.lua
var rateSource string

// Decision: these lines, which the append shares, instead of redis_rate: that
// shuts out for an hour a user who was counted before Redis's clock was set
// back by one.
var rateScript = newScript(
	[]param[charge, string]{{"counter", func(c charge) string { return c.key }}},
	[]param[charge, any]{
		{"interval", func(c charge) any { return c.rate.Interval().Microseconds() }},
		{"burst", func(c charge) any { return c.rate.Burst }},
		{"n", func(c charge) any { return c.n }},
		{"spent", func(c charge) any { return c.spent }},
	},
	rateSource, `
local t = redis.call('TIME')
return rate(counter, t[1] * 1000000 + t[2], tonumber(interval), tonumber(burst), tonumber(n), spent == '1')`)

// A charge counts n at once against a key.
type charge struct {
	key  string
	n    int
	rate store.Rate
	// Spent says that it was let by already: it counts even if it is too many.
	spent bool
}

// Allow is that of [store.Limits].
func (s *Store) Allow(ctx context.Context, what, who string, r store.Rate) error {
	if r.Interval() == 0 {
		return nil
	}
	wait, err := s.charge(ctx, charge{key: s.keys.rate(what, who), n: 1, rate: r})
	if err != nil {
		return store.Unavailable("count a "+what, err)
	}
	return store.TooMany(what, wait)
}

// countRoom counts a room that a network begins.
func (s *Store) countRoom(ctx context.Context, network string) error {
	wait, err := s.charge(ctx, charge{key: s.keys.rate("room", network), n: 1, rate: store.Day(s.opts.RoomsPerDay)})
	if err != nil {
		return store.Unavailable("count a room", err)
	}
	return store.TooManyRooms(wait)
}

// charge counts and returns the time to wait when that is too many.
func (s *Store) charge(ctx context.Context, c charge) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	r := rateScript.call(c)
	us, err := rateScript.Run(ctx, s.rdb, r.keys, r.args...).Int64()
	return time.Duration(us) * time.Microsecond, err
}

// AllowSoon is that of [store.Limits]. It counts here and reports a batch at a
// time to Redis, behind the caller's back; when that was too many, what comes
// after it is refused. A server lets by a batch more than Allow would, and counts
// alone while Redis does not answer.
func (s *Store) AllowSoon(what, who string, r store.Rate) error {
	if r.Interval() == 0 {
		return nil
	}
	key := s.keys.rate(what, who)
	wait, c, batch := s.counted.add(key, time.Now(), r)
	if batch > 0 {
		s.start(func(ctx context.Context) {
			wait, err := s.charge(ctx, charge{key, batch, r, true})
			s.counted.reported(c, time.Now(), wait, err, batch, r)
		})
	}
	return store.TooMany(what, wait)
}
