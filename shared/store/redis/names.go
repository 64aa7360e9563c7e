package redis

import (
	"context"
	"errors"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

var (
	ownScript = redis.NewScript(`
local owner, mine = redis.call('GET', KEYS[1]), '` + owned + `' .. ARGV[1]
if owner and owner ~= mine and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[2])
return ARGV[1]`)

	disownScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == '` + owned + `' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
return ''`)

	// accountScript answers 1 when the old value was the one that is kept.
	accountScript = redis.NewScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1`)
)

// Own is that of [store.Names].
func (s *Store) Own(ctx context.Context, u chat.User) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	owners, err := s.names(ctx, ownScript, []chat.User{u}, store.NameLife.Milliseconds())
	if err != nil {
		return store.Unavailable("own a name", err)
	}
	if owners[0] != u.ID {
		return chat.ErrNameTaken
	}
	return nil
}

// Disown is that of [store.Names].
func (s *Store) Disown(ctx context.Context, u chat.User) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	if _, err := s.names(ctx, disownScript, []chat.User{u}); err != nil {
		return store.Unavailable("disown a name", err)
	}
	return nil
}

// Account is that of [store.Names].
func (s *Store) Account(ctx context.Context, user string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	value, err := s.rdb.Get(ctx, s.keys.account(user)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, store.Unavailable("read an account", err)
	}
	return value, nil
}

// SetAccount is that of [store.Names].
func (s *Store) SetAccount(ctx context.Context, user string, old, value []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	done, err := accountScript.Run(ctx, s.rdb, []string{s.keys.account(user)}, old, value).Bool()
	if err != nil {
		return false, store.Unavailable("write an account", err)
	}
	return done, nil
}
