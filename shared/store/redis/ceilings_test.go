package redis_test

import (
	"errors"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

func TestFullRedisIsToldFromOneThatIsAway(t *testing.T) {
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url()})
	srv.do("CONFIG", "SET", "maxmemory", "1")
	_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "no place"})
	if !errors.Is(err, chat.ErrFull) || !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("a full Redis: %v", err)
	}
	srv.do("CONFIG", "SET", "maxmemory", "0")
	say(t, s, ann, "there is room again")
}

// Rooms that forget with time are forgotten as a whole, after they were silent
// for long, and leave the index.
func TestSilentEmptyRoomIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		const retention = time.Hour
		s := open(store.Options{Retention: retention})
		r, ctx := s.Redis(), t.Context()
		index := func(key string) string { return redis.BucketKeyOf(room, key) }
		speak := func() {
			r.HSet(ctx, lobby("meta"), "indexed", "0") // as if the index was told long ago
			say(t, s, ann, "hi")
		}
		for _, key := range []string{"rooms", "creators"} {
			r.ZAdd(ctx, index(key), goredis.Z{Score: 1, Member: "u_long gone"})
		}
		speak()
		if left := r.PTTL(ctx, lobby("meta")).Val(); left <= retention || left > retention+store.EmptyRoomLife {
			t.Errorf("what is known of the room stays for %v", left)
		}
		for _, key := range []string{"rooms", "creators"} {
			if all := r.ZRange(ctx, index(key), 0, -1).Val(); len(all) != 1 || all[0] != "u_ann lobby" {
				t.Errorf("%s holds %q", key, all)
			}
		}
		r.HSet(ctx, lobby("meta"), "owner", "u_ann")
		speak()
		if left := r.PTTL(ctx, lobby("meta")).Val(); left != -1 {
			t.Errorf("what its owner set stays for %v", left)
		}
	})
}
