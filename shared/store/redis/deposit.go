package redis

import (
	"context"
	"errors"
	"time"

	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// withdrawScript is GETDEL, which Redis has from 6.2 on.
var withdrawScript = redis.NewScript(`
local value = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return value`)

// Deposit is that of [store.Deposits].
func (s *Store) Deposit(ctx context.Context, kind, key string, value []byte, life time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	if err := s.rdb.Set(ctx, s.keys.deposit(store.DepositKey(kind, key)), value, life).Err(); err != nil {
		return store.Unavailable("deposit a "+kind, err)
	}
	return nil
}

// Withdraw is that of [store.Deposits].
func (s *Store) Withdraw(ctx context.Context, kind, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	value, err := withdrawScript.Run(ctx, s.rdb, []string{s.keys.deposit(store.DepositKey(kind, key))}).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, store.Unavailable("withdraw a "+kind, err)
	}
	return []byte(value), nil
}
