package redis_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

// later makes the generations of a room's keys older, as if so much time had passed.
func later(tb testing.TB, s *redis.Store, by time.Duration) {
	tb.Helper()
	for _, hash := range []string{lobby("keys:0"), lobby("keys:1")} {
		began, err := s.Redis().HGet(tb.Context(), hash, "@").Int64()
		if errors.Is(err, goredis.Nil) {
			continue
		}
		if err = errors.Join(err, s.Redis().HSet(tb.Context(), hash, "@", began-by.Milliseconds()).Err()); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestIDsRiseWhenTheClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		future := fmt.Sprintf("%d-7", time.Now().Add(time.Hour).UnixMilli())
		must(s.Redis().HSet(t.Context(), lobby("meta"), "last", future).Result())(t)
		first := say(t, s, ann, "one")
		if want := must(chat.ParseID(future))(t); first.Prev != want || first.ID != (chat.ID{MS: want.MS, Seq: 8}) {
			t.Errorf("id %s after %s", first.ID, future)
		}
		chained(t, first.ID, []chat.Event{say(t, s, ann, "two")})
	})
}

// What idle rooms leave behind of keys goes by itself.
func TestKeysOfIdleRoomsAreSwept(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{URL: startRedis(t).url()})
	left := func(generation string) time.Duration {
		return must(s.Redis().PTTL(t.Context(), lobby("keys:"+generation)).Result())(t)
	}
	say(t, s, ann, "one")
	later(t, s, store.KeyLife)
	say(t, s, ann, "two")
	for _, generation := range []string{"0", "1"} {
		if ttl := left(generation); ttl <= 23*time.Hour || ttl > 24*time.Hour {
			t.Errorf("generation %s is kept for %v, want a day", generation, ttl)
		}
	}
}

// What is remembered of edits goes with the message.
func TestDeleteForgetsTheEditsOfItsTarget(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		msg, stays := say(t, s, ann, "secret"), say(t, s, ann, "stays")
		for range 3 {
			add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "secret"})
			add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: stays.ID, Text: "stays"})
		}
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: msg.ID})
		if n := must(s.Redis().ZCard(t.Context(), lobby("edits")).Result())(t); n != 1 {
			t.Errorf("%d edits are remembered, want the last of the message that stays", n)
		}
	})
}
