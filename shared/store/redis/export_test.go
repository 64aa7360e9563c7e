package redis

import (
	"context"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// Redis lets tests do to Redis what only accidents do.
func (s *Store) Redis() redis.UniversalClient { return s.rdb }

// CutSubscription closes the subscription's connection.
func (s *Store) CutSubscription() {
	s.sub.mu.Lock()
	defer s.sub.mu.Unlock()
	s.sub.conn.Close()
}

// KeyOf is a key of a room, with the default prefix and database.
func KeyOf(room chat.RoomID, what string) string {
	return newKeyspace(defaultPrefix, 0).room(room).room + what
}

// NameKey is where the owner of a name is.
func NameKey(name string) string { return newKeyspace(defaultPrefix, 0).name(name) }

// ParseURL reads an address and returns it as the driver gets it.
func ParseURL(raw string) (string, error) {
	u, err := parseURL(raw)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// BucketKeyOf is a key of the bucket that a room is in.
func BucketKeyOf(room chat.RoomID, what string) string {
	return string(newKeyspace(defaultPrefix, 0).bucketOf(room)) + what
}

// DialAt makes the client that an address asks for, which has not connected yet.
func DialAt(url string) (redis.UniversalClient, error) {
	t, err := dial(store.Options{URL: url})
	return t.rdb, err
}

// EraseNow does at once what an eraser does in time, so many entries at a time.
func (s *Store) EraseNow(ctx context.Context, page int) error {
	e := s.newEraser()
	e.page = page
	defer e.end(ctx)
	return e.all(ctx)
}

// BeginErasing copies one page, as an eraser does that stops then. What it
// returns goes on where it stopped, until all is copied.
func (s *Store) BeginErasing(ctx context.Context, page int) (goOn func() error, err error) {
	e := s.newEraser()
	due, err := e.due(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range due {
		if _, err := s.erase(ctx, erasing{keys: s.keys.room(one.room), erasure: one, begin: true, page: page}); err != nil {
			return nil, err
		}
	}
	return func() error {
		for _, one := range due {
			for more := true; more; {
				var err error
				if more, err = s.erase(ctx, erasing{keys: s.keys.room(one.room), erasure: one, page: page}); err != nil {
					return err
				}
			}
		}
		return nil
	}, nil
}
