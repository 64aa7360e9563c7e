package redis_test

import (
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

// A server died an hour ago, another is here.
func TestDeadServersPeopleAreGone(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s, ctx := open(store.Options{}), t.Context()
		people := func(want ...chat.User) {
			t.Helper()
			if got := must(s.People(ctx, room))(t); !slices.Equal(got, want) {
				t.Errorf("people: %v, want %v", got, want)
			}
		}
		must(s.Redis().ZAdd(ctx, lobby("here"), goredis.Z{Score: float64(time.Now().Add(-time.Hour).UnixMilli()), Member: "s3 u_cid Cid"}).Result())(t)
		people()
		must(s.Here(ctx, "s1", room, bob))(t)
		people(bob)
		if ttl := must(s.Redis().PTTL(ctx, lobby("here")).Result())(t); ttl <= 0 || ttl > store.PresenceLife {
			t.Errorf("the last server's death leaves people for %v", ttl)
		}
	})
}
