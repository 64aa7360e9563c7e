package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// Follow is that of [store.Log]. It returns once the room's channel is
// subscribed to. Connections that break, a subscription that delivers nothing
// and a log that breaks off are mended behind it.
func (s *Store) Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error) {
	if room.Reader() != "" {
		return chat.ID{}, fmt.Errorf("%w: an inbox is not followed", chat.ErrInvalid)
	}
	ctx, cancel := context.WithCancel(ctx)
	closed := context.AfterFunc(s.run, cancel)
	f := &follower{store: s, ctx: ctx, room: room, l: l, ready: make(chan struct{})}
	s.sub.add(f)
	context.AfterFunc(ctx, func() { s.sub.remove(f); closed(); cancel() })
	select {
	case <-f.ready:
		return f.first, nil
	case <-ctx.Done():
		return chat.ID{}, store.Unavailable("follow "+string(room), context.Cause(ctx))
	}
}

// publishScript is PUBLISH sent to the node that has the room, of a Cluster:
// the driver would send it to any, and wait for one that is dead.
var publishScript = redis.NewScript(`return redis.call('PUBLISH', KEYS[1], ARGV[1])`)

// Signal lets a signal pass by on its room's channel.
func (s *Store) Signal(ctx context.Context, sig chat.Signal) error {
	if err := publishScript.Run(ctx, s.rdb, []string{s.keys.room(sig.Room).channel()}, chat.JSON(sig)).Err(); err != nil {
		return store.Unavailable("signal in "+string(sig.Room), err)
	}
	return nil
}

// Ready is that of [store.Store]: Redis takes writes, as many replicas as there
// have to be acknowledge them, and the subscription received something a moment
// ago, if only what this process published to itself. So it fails in every state
// in which posts fail, whatever the reason.
func (s *Store) Ready(ctx context.Context) error {
	s.sub.begin()
	select {
	case <-s.sub.delivered:
	case <-time.After(probeTimeout):
		return store.Unavailable("ready", errors.New("the subscription has delivered nothing yet"))
	case <-ctx.Done():
		return store.Unavailable("ready", context.Cause(ctx))
	}
	if age := time.Since(s.sub.lastReceived()); age > readyFor {
		return store.Unavailable("ready", fmt.Errorf("the subscription has delivered nothing for %v", age.Round(time.Second)))
	}
	if err := s.takesWrites(ctx); err != nil {
		return store.Unavailable("ready", err)
	}
	return nil
}

// takesWrites writes as a post does, but a key that passes.
func (s *Store) takesWrites(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	_, self := s.sub.connection()
	probe := run{script: probeScript, keys: []string{self}, args: []any{"probe"}}
	if s.replication == nil {
		runAll(ctx, s.rdb, []*run{&probe}, wait{})
		return probe.cmd.Err()
	}
	return s.replication.probe(ctx, &probe)
}
