//go:build function

package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

// A journal is what a function has none of: it keeps nothing itself, and need
// not carry a Redis that it never runs.
type journal struct{}

func openJournal(string, int, time.Duration, *slog.Logger) (*journal, error) {
	return nil, errors.New("REDIS_URL is not set, and this program has no Redis of its own")
}

func (*journal) client() *redis.Client { return nil }
func (*journal) close() error          { return nil }
func (*journal) append(context.Context, *Store, chat.Event) (chat.Event, bool, error) {
	return chat.Event{}, false, chat.ErrUnavailable
}
