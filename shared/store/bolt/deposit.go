package bolt

import (
	"context"
	"slices"
	"sync"
	"time"

	"confab/shared/store"
)

// deposits are what waits to be withdrawn. The zero value is nothing.
type deposits struct {
	mu  sync.Mutex // guards what follows
	all map[string]deposit
}

type deposit struct {
	value []byte
	until time.Time
}

// Deposit is that of [store.Deposits].
func (s *Store) Deposit(_ context.Context, kind, key string, value []byte, life time.Duration) error {
	d := &s.deposits
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[string]deposit{}
	}
	d.all[store.DepositKey(kind, key)] = deposit{slices.Clone(value), time.Now().Add(life)}
	return nil
}

// Withdraw is that of [store.Deposits].
func (s *Store) Withdraw(_ context.Context, kind, key string) ([]byte, error) {
	d := &s.deposits
	d.mu.Lock()
	defer d.mu.Unlock()
	key = store.DepositKey(kind, key)
	one := d.all[key]
	delete(d.all, key)
	if !one.until.After(time.Now()) {
		return nil, nil
	}
	return one.value, nil
}

// sweep forgets what nobody came for.
func (d *deposits) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, one := range d.all {
		if !one.until.After(now) {
			delete(d.all, key)
		}
	}
}
