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

func TestPresence(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		ctx := t.Context()
		people := func(want ...chat.User) {
			t.Helper()
			if got := must(s.People(ctx, room))(t); !slices.Equal(got, want) {
				t.Errorf("people: %v, want %v", got, want)
			}
		}
		around := func(u chat.User, want bool) {
			t.Helper()
			if got := must(s.Around(ctx, u))(t); got != want {
				t.Errorf("somebody else named %s is around: %t, want %t", u.Name, got, want)
			}
		}
		people()
		must(s.Here(ctx, "s1", room, bob, ann))(t)
		if got := must(s.Here(ctx, "s2", room, ann))(t); !slices.Equal(got, []chat.User{ann, bob}) {
			t.Errorf("Here says %v", got)
		}
		people(ann, bob)
		around(ann, false)
		around(chat.User{ID: "u_x", Name: "aNN"}, true)
		around(chat.User{ID: "u_x", Name: "Cid"}, false)

		if err := s.Gone(ctx, "s1", room, ann, bob); err != nil {
			t.Error(err)
		}
		people(ann) // on the other server
		if err := s.Gone(ctx, "s2", room, ann); err != nil {
			t.Error(err)
		}
		people()
		around(chat.User{ID: "u_x", Name: "Ann"}, true) // in another room, it may be
		if err := s.Free(ctx, ann, chat.User{ID: "u_x", Name: "Bob"}); err != nil {
			t.Error(err)
		}
		around(chat.User{ID: "u_x", Name: "Ann"}, false)
		around(chat.User{ID: "u_y", Name: "Bob"}, true) // it was not theirs to give away

		// A server died an hour ago, another is here.
		must(s.Redis().ZAdd(ctx, "confab:{lobby}:here", goredis.Z{Score: float64(time.Now().Add(-time.Hour).UnixMilli()), Member: "s3 u_cid Cid"}).Result())(t)
		people()
		must(s.Here(ctx, "s1", room, bob))(t)
		people(bob)
		if ttl := must(s.Redis().PTTL(ctx, "confab:{lobby}:here").Result())(t); ttl <= 0 || ttl > store.PresenceLife {
			t.Errorf("the last server's death leaves people for %v", ttl)
		}
	})
}
