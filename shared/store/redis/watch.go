package redis

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	probeInterval     = 2 * time.Second   // how often the subscription is probed
	probeTimeout      = time.Second       // when a probe that was not received counts as lost
	reconcileInterval = 4 * time.Second   // how often what was received is compared with the log
	readyFor          = 3 * probeInterval // how long a probe that was received proves the subscription
)

// watch probes the subscription and compares what was received with the log,
// for as long as ctx lasts. A connection on which then nothing is received is
// closed.
func (s *subscription) watch(ctx context.Context) {
	var reconciled time.Time
	for ctx.Err() == nil {
		began := time.Now()
		conn, err := s.probe(ctx)
		if err == nil {
			pause(ctx, probeTimeout)
		}
		// When the probe itself failed, the subscription's connection is as dead
		// as the one that it went out on, or soon back; unless it did not go out.
		sent := conn != nil && !errors.Is(err, redis.ErrPoolTimeout)
		if sent && ctx.Err() == nil && s.lastReceived().Before(began) {
			conn.Close()
		}
		if time.Since(reconciled) >= reconcileInterval {
			reconciled = time.Now()
			s.reconcile(ctx)
		}
		pause(ctx, probeInterval-time.Since(began))
	}
}

// probeScript writes a key, as posts do, and publishes under its name.
var probeScript = redis.NewScript(`
redis.call('SET', KEYS[1], '', 'PX', 60000)
return redis.call('PUBLISH', KEYS[1], ARGV[1])`)

// connection returns the connection, nil when there is none yet, and the
// channel on which this process probes it.
func (s *subscription) connection() (*redis.PubSub, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn, s.self
}

// probe publishes to ourselves, and returns the connection that should receive
// it.
func (s *subscription) probe(ctx context.Context) (*redis.PubSub, error) {
	conn, self := s.connection()
	if conn == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	return conn, publishScript.Run(ctx, s.store.rdb, []string{self}, "probe").Err()
}

// reconcile compares the log's last id with what each follower knows: one that
// is later was missed, and one that is earlier than what was known before it
// was asked for comes from a log that was flushed or restored.
func (s *subscription) reconcile(ctx context.Context) {
	s.mu.Lock()
	fs := slices.Concat(slices.Collect(maps.Values(s.followers))...)
	s.mu.Unlock()
	if len(fs) == 0 {
		return
	}
	rooms := make([]chat.RoomID, len(fs))
	before := make([]chat.ID, len(fs))
	for i, f := range fs {
		rooms[i], before[i] = f.room, f.lastSeen()
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	ids, errs := s.store.lasts(ctx, rooms)
	if err := cmp.Or(errs...); err != nil && ctx.Err() == nil {
		s.store.log.Warn("comparing rooms with their logs failed", "err", err)
	}
	most := time.Duration(0)
	for i, f := range fs {
		if errs[i] != nil {
			continue
		}
		most = max(most, lag(ids[i], f.lastSeen()))
		if before[i].After(ids[i]) || ids[i].After(f.lastSeen()) {
			f.sync()
		}
	}
	if cmp.Or(errs...) == nil {
		s.store.count.lag.Store(int64(most))
	}
}
