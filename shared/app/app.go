// Package app is the roof of the house: it reads the environment, puts the
// parts together, and closes them in the right order.
//
// It is the only package that knows all others, and the only reader of the
// environment. What runs it, a server or a function, is none of its business.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"confab/public"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/store"
	"confab/shared/web"
)

// An App is all parts, put together and running.
type App struct {
	cfg   Config
	log   *slog.Logger
	store store.Store
	hub   *hub.Hub
	web   *web.Server

	drained sync.Once
}

// OpenFunction is FromEnv and Open for a function, which keeps nothing itself:
// without REDIS_URL and SESSION_KEYS it does not start. Its log is JSON.
func OpenFunction(ctx context.Context, open store.Opener) (*App, error) {
	cfg, err := FromEnv()
	if err != nil {
		return nil, err
	}
	if err := cfg.needRedis(); err != nil {
		return nil, err
	}
	return Open(ctx, cfg, slog.New(slog.NewJSONHandler(os.Stderr, nil)), open)
}

// Open puts the parts of a server together, with the engine that open opens for
// the rooms. Its error is one sentence that names the variable to mend. The App
// must be closed.
func Open(ctx context.Context, cfg Config, log *slog.Logger, open store.Opener) (*App, error) {
	keys, err := cfg.keys()
	if err != nil {
		return nil, err
	}
	signer, err := identity.New(sessionLife, keys...)
	if err != nil {
		return nil, err
	}
	st, err := open(ctx, cfg.store(log))
	if err != nil {
		return nil, err
	}
	h := hub.New(st, log)
	w, err := web.New(cfg.web(log, st, h, signer, public.Files))
	if err != nil {
		h.Close(0)
		return nil, errors.Join(err, st.Close())
	}
	return &App{cfg: cfg, log: log, store: st, hub: h, web: w}, nil
}

// Handler serves these sets of routes, with everything around them: errors,
// security headers, the gate against other origins.
func (a *App) Handler(routes ...web.Routes) http.Handler { return a.web.Handler(routes...) }

// Stats is how the parts do.
type Stats struct {
	Hub       hub.Stats
	LagBounds []time.Duration // of the buckets of Hub.Lag
	Store     store.Stats
}

// Stats tells how the parts do.
func (a *App) Stats() Stats {
	return Stats{Hub: a.hub.Stats(), LagBounds: hub.LagBounds[:], Store: a.store.Stats()}
}

// Buffered reports whether what is in front of a function passes its answers on
// only when they are whole, as far as the environment tells.
func (a *App) Buffered() bool { return a.cfg.SAMLocal || a.cfg.StreamMode == "buffered" }

// drain stops being ready and ends all streams, the times at which they come
// back spread over spread.
func (a *App) drain(spread time.Duration) {
	a.drained.Do(func() {
		a.web.Drain()
		a.hub.Close(spread)
	})
}

// Close ends all streams and then the store.
func (a *App) Close() error {
	a.drain(0)
	return a.store.Close()
}
