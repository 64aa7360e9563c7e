// Package function puts the parts of a Lambda function together: the rooms in
// Redis, the page's markup alone, no WebSocket, no compression.
package function

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"confab/functions/internal/samlocal"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// Open reads the environment and opens the app of a function. A function keeps
// nothing itself: without REDIS_URL and SESSION_KEYS it does not start. Its log
// is JSON.
func Open(ctx context.Context) (*app.App, error) {
	cfg, err := app.FromEnv()
	if err == nil {
		err = needRedis(cfg)
	}
	if err != nil {
		return nil, err
	}
	cfg.RedisURL = samlocal.FromContainer(cfg.RedisURL)
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	return app.Open(ctx, cfg, log, app.Parts{Store: open, Site: public.Page, Frozen: true})
}

// open leaves out what a server tries at its start: a cold start is waited for.
func open(ctx context.Context, opts store.Options) (store.Store, error) {
	opts.Quick = true
	return redis.Open(ctx, opts)
}

// needRedis refuses what only a server can do without: a function has no memory
// to keep rooms or a key in.
func needRedis(cfg app.Config) error {
	if cfg.RedisURL == "" {
		return errors.New("REDIS_URL is not set: a function keeps nothing itself, so it needs a Redis, as redis://host:6379")
	}
	if len(cfg.SessionKeys) == 0 {
		return errors.New("SESSION_KEYS is not set: functions share the key that signs sessions, at least 32 bytes, as of openssl rand -base64 32")
	}
	return nil
}
