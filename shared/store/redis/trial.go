package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const (
	defaultPrefix = "confab"
	tryPause      = 100 * time.Millisecond
	loadTimeout   = time.Minute // for a Redis that reads its data
)

// scratchUser tries things out.
var scratchUser = chat.User{ID: "u_trial", Name: "confab trial"}

// tryOut waits for Redis to answer, and has a start fail whose posts would
// fail: with one sentence that says what to mend.
func (s *Store) tryOut(ctx context.Context) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	if s.opts.Quick {
		return nil
	}
	err := s.explain(s.trial(ctx))
	if errors.Is(err, errRefusesWrites) {
		s.log.Warn("Redis takes no posts for now", "redis", s.Address(), "err", err)
		return nil
	}
	return err
}

// await asks Redis until it answers. What passes by itself is waited for: a
// name that does not resolve yet, a process that does not listen yet, one that
// reads its data.
func (s *Store) await(ctx context.Context) error {
	late := time.Now().Add(openTimeout)
	loading := false
	for {
		try, cancel := context.WithTimeout(ctx, replyTimeout)
		err := s.rdb.Ping(try).Err()
		cancel()
		if err == nil || errors.Is(s.explain(err), errRefusesWrites) { // PING counts as a write to a Redis that cannot save
			return nil
		}
		if redis.HasErrorPrefix(err, "LOADING") && !loading {
			loading, late = true, time.Now().Add(loadTimeout)
			s.log.Info("Redis reads its data, waiting", "redis", s.Address())
		}
		if ctx.Err() != nil || time.Now().After(late) || !passes(err) {
			return s.explain(fmt.Errorf("REDIS_URL: no answer from %s: %w", s.Address(), err))
		}
		pause(ctx, tryPause)
	}
}

// passes reports whether an error may pass by itself.
func passes(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	op, ok := errors.AsType[*net.OpError](err)
	alert := ok && op.Op == "remote error" // of TLS: our certificate is not taken
	final := slices.ContainsFunc([]string{"WRONGPASS", "NOAUTH", "NOPERM", "DENIED", "ERR"}, func(prefix string) bool {
		return redis.HasErrorPrefix(err, prefix)
	})
	return !untrusted && !plain && !alert && !final
}

// checkVersion has the form of the keys written down, and compared.
func (s *Store) checkVersion(ctx context.Context) error {
	pipe := s.rdb.Pipeline()
	set := pipe.SetNX(ctx, s.keys.version(), keysVersion, 0)
	get := pipe.Get(ctx, s.keys.version())
	_, _ = pipe.Exec(ctx) // each has its own error
	switch found, err := get.Result(); {
	case err == nil && found != keysVersion:
		return fmt.Errorf("REDIS_URL: what %s holds under KEY_PREFIX is of version %q, this server reads version %s: run the server that wrote it, or set another KEY_PREFIX", s.Address(), found, keysVersion)
	case err != nil && !errors.Is(err, redis.Nil):
		return s.explain(fmt.Errorf("read the version of the keys: %w", err))
	}
	if err := s.explain(set.Err()); err != nil && !errors.Is(err, errRefusesWrites) {
		return fmt.Errorf("write the version of the keys: %w", err)
	}
	return nil
}

// trial does once what a server does all the time, in a room of its own.
func (s *Store) trial(ctx context.Context) error {
	room := chat.RoomID("trial-" + strings.ToLower(rand.Text()))
	keys := s.keys.room(room)
	conn := s.rdb.Subscribe(ctx, keys.channel())
	defer conn.Close()
	if _, err := conn.Receive(ctx); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	defer s.forget(context.WithoutCancel(ctx), room)
	req, err := s.request(chat.Event{Room: room, Kind: chat.Kinds[0].Kind, By: scratchUser, Text: "trial"})
	if err != nil {
		return err
	}
	all := settings{maxEvents: 1, maxAge: time.Minute, rate: store.Rate{PerSecond: 1, Burst: 1}, publish: true}
	call := appendScript(req.rule, all).call(req)
	runAll(ctx, s.rdb, []*run{&call}, wait{})
	reply, err := readAppended(call.cmd)
	if err == nil && reply.verdict == unpublished {
		err = errors.New(reply.why)
	}
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	if _, err := conn.ReceiveTimeout(ctx, replyTimeout); err != nil {
		return fmt.Errorf("receive what was published: %w", err)
	}
	if _, err := s.Since(ctx, room, chat.ID{}, 1); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if _, err := s.erase(ctx, erasing{keys: keys, erasure: erasure{room: room}, begin: true, page: erasePage}); err != nil {
		return fmt.Errorf("erase what was deleted: %w", err)
	}
	if _, err := s.Here(ctx, "trial", room, scratchUser); err != nil {
		return err
	}
	if err := errors.Join(s.Gone(ctx, "trial", room, scratchUser), s.Free(ctx, scratchUser)); err != nil {
		return err
	}
	if s.replication != nil {
		if _, err := s.replication.set(ctx, room); err != nil {
			return err
		}
	}
	return nil
}

// forget takes a scratch room away.
func (s *Store) forget(ctx context.Context, room chat.RoomID) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	keys := s.keys.room(room)
	entry := scratchUser.ID + " " + string(room)
	pipe := s.rdb.Pipeline()
	pipe.Del(ctx, keys.log(), keys.copy(), keys.meta(), keys.edits(), keys.here(), keys.keys("0"), keys.keys("1"), keys.rate(scratchUser.ID))
	pipe.ZRem(ctx, keys.rooms(), entry)
	pipe.ZRem(ctx, keys.creators(), entry)
	if _, err := pipe.Exec(ctx); err != nil {
		s.log.Warn("taking a scratch room away failed", "room", room, "err", err)
	}
}
