package store

import (
	"context"
	_ "embed"
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
return rate(KEYS[1], t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))`)

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
	us, err := s.charge(ctx, rateKey(what, who), 1, r)
	if err != nil {
		return unavailable("count a "+what, err)
	}
	return tooMany(what, us)
}

// charge counts n at once, unless that would be too many, and returns the µs
// to wait then.
func (s *Store) charge(ctx context.Context, key string, n int, r Rate) (us int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	return rateScript.Run(ctx, s.rdb, []string{key}, r.interval(), r.Burst, n).Int64()
}

// AllowSoon is Allow for what must neither wait for Redis nor stop with it. It
// counts here and tells Redis of a lot at a time, behind the caller's back;
// when that was too many, what comes after it is refused. A server lets by a
// lot more than Allow would, and counts alone while Redis does not answer.
func (s *Store) AllowSoon(what, who string, r Rate) error {
	if r.interval() == 0 {
		return nil
	}
	key := rateKey(what, who)
	us, t, lot := s.tallies.add(key, time.Now(), r)
	if lot > 0 {
		s.start(func(ctx context.Context) {
			us, err := s.charge(ctx, key, lot, r)
			s.tallies.told(t, time.Now(), us, err, lot, r)
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

// Tallies are what this server has counted and Redis does not know yet.
type tallies struct {
	mu  sync.Mutex // guards what follows, and what is in it
	all map[string]*tally
}

type tally struct {
	count   int       // not told yet
	telling bool      // a lot is under way
	until   time.Time // refused before it
	paid    time.Time // as in rate.lua, while Redis does not answer
}

const (
	maxTallies  = 10_000 // a flood by so many empties them
	lotsInBurst = 16
)

// add counts one, unless it has to wait. It returns the lot that Redis is to
// be told of, if there is one.
func (ts *tallies) add(key string, now time.Time, r Rate) (us int64, t *tally, lot int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t = ts.all[key]; t == nil {
		if len(ts.all) >= maxTallies || ts.all == nil {
			ts.all = map[string]*tally{}
		}
		t = new(tally)
		ts.all[key] = t
	}
	if wait := t.until.Sub(now); wait > 0 {
		return max(1, wait.Microseconds()), t, 0
	}
	t.count++
	if t.telling || t.count < max(1, r.Burst/lotsInBurst) {
		return 0, t, 0
	}
	lot, t.count, t.telling = t.count, 0, true
	return 0, t, lot
}

func (ts *tallies) told(t *tally, now time.Time, us int64, err error, lot int, r Rate) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err != nil {
		us = t.charge(now, lot, r)
	}
	t.telling = false
	if us > 0 { // or a post that came a moment before now would be refused
		t.until = now.Add(time.Duration(us) * time.Microsecond)
	}
}

// charge is rate.lua's rate. The clock here is not set back: it is monotonic.
func (t *tally) charge(now time.Time, n int, r Rate) (us int64) {
	interval := time.Duration(r.interval()) * time.Microsecond
	cost, full := interval*time.Duration(n), interval*time.Duration(r.Burst)
	if t.paid.Before(now) {
		t.paid = now
	}
	if wait := t.paid.Add(cost).Sub(now) - full; wait > 0 {
		return wait.Microseconds()
	}
	t.paid = t.paid.Add(cost)
	return 0
}
