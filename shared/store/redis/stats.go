package redis

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// counters are written once a command or once a mishap.
type counters struct {
	commands, errors, gaps, resets, losses atomic.Uint64
	lag                                    atomic.Int64
}

// Stats is that of [store.Store].
func (s *Store) Stats() store.Stats {
	st := store.Stats{
		Commands: s.count.commands.Load(), Errors: s.count.errors.Load(), Gaps: s.count.gaps.Load(), Resets: s.count.resets.Load(),
		SubscriptionLosses: s.count.losses.Load(), SubscriptionLag: time.Duration(s.count.lag.Load()),
	}
	if received := s.sub.lastReceived(); !received.IsZero() {
		st.SubscriptionAge = time.Since(received)
	}
	return st
}

// lag is how much later the log's last event is than the last one received.
func lag(log, received chat.ID) time.Duration {
	if received.IsZero() || !log.After(received) {
		return 0
	}
	return log.Time().Sub(received.Time())
}

// DialHook, ProcessHook and ProcessPipelineHook count what the driver sends.
func (c *counters) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			c.errors.Add(1)
		}
		return conn, err
	}
}

func (c *counters) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		c.sent(cmd, err)
		return err
	}
}

func (c *counters) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			c.sent(cmd, cmd.Err())
		}
		return err
	}
}

// sent leaves out what is no failure: nothing found, a script that is sent for
// the first time, and what the driver asks of a Redis that may be too old.
func (c *counters) sent(cmd redis.Cmder, err error) {
	if name := cmd.Name(); name == "hello" || name == "client" {
		return
	}
	c.commands.Add(1)
	if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		c.errors.Add(1)
	}
}
