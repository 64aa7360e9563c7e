// Package app reads the environment, puts the parts together, and closes them in
// the right order.
//
// It is the only package that knows all others, and the only reader of the
// environment. It does not know what runs it, a server or a function.
package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/outbox"
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

	outbox  context.CancelFunc // ends the work of the outbox
	working sync.WaitGroup
	drained sync.Once
}

// Parts are what differs between a server and a function. What a function is
// not given it does not import, and its cold start does not load it.
type Parts struct {
	Store    store.Opener             // opens the engine that keeps the rooms
	Site     fs.FS                    // the browser's files
	Upgrade  web.Upgrade              // makes a WebSocket of a request; nil: there are none
	Compress func(body []byte) []byte // of the site's files, for gzip; nil: they go out as they are
	// Frozen says that nothing runs between two requests: what a post leaves to
	// be done is done before it is answered.
	Frozen bool
}

// Open puts the parts together. Its error is one sentence that names the
// variable to mend. The App must be closed.
func Open(ctx context.Context, cfg Config, log *slog.Logger, parts Parts) (*App, error) {
	keys, err := cfg.keys()
	if err != nil {
		return nil, err
	}
	st, err := parts.Store(ctx, cfg.Rooms(log))
	if err != nil {
		return nil, err
	}
	if keys, err = cfg.share(ctx, st, keys); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	signer, err := identity.New(sessionLife, keys...)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	h := hub.New(st, log)
	worker := outbox.New(st, log)
	wcfg := cfg.web(log, concerning{st, worker, parts.Frozen}, h, signer)
	wcfg.Site, wcfg.Upgrade, wcfg.Compress = parts.Site, parts.Upgrade, parts.Compress
	w, err := web.New(wcfg)
	if err != nil {
		h.Close(0)
		return nil, errors.Join(err, st.Close())
	}
	a := &App{cfg: cfg, log: log, store: st, hub: h, web: w, outbox: func() {}}
	if !parts.Frozen {
		a.work(ctx, worker)
	}
	return a, nil
}

// work has the outbox worked on until the app is closed.
func (a *App) work(ctx context.Context, worker *outbox.Worker) {
	ctx, a.outbox = context.WithCancel(context.WithoutCancel(ctx))
	a.working.Go(func() { worker.Run(ctx) })
}

// Config is what the app was opened with.
func (a *App) Config() Config { return a.cfg }

// Log is where the app writes its log.
func (a *App) Log() *slog.Logger { return a.log }

// StoreAddress is where the rooms are, without a password. It is empty for the
// built-in store.
func (a *App) StoreAddress() string { return a.store.Address() }

// Streams is how many streams are open here.
func (a *App) Streams() int {
	s := a.hub.Stats()
	return s.Adopted + s.Waiting
}

// Handler serves these sets of routes, with everything around them: errors,
// security headers, the gate against other origins.
func (a *App) Handler(routes ...web.Routes) http.Handler { return a.web.Handler(routes...) }

// Stats are the figures of all parts.
type Stats struct {
	Hub       hub.Stats
	LagBounds []time.Duration // of the buckets of Hub.Lag
	Store     store.Stats
}

// Stats returns the figures of all parts.
func (a *App) Stats() Stats {
	return Stats{Hub: a.hub.Stats(), LagBounds: hub.LagBounds[:], Store: a.store.Stats()}
}

// Buffered reports whether what is in front of a function passes its answers on
// only when they are whole, as far as the environment tells.
func (a *App) Buffered() bool { return a.cfg.SAMLocal || a.cfg.StreamMode == "buffered" }

// StopReady has /readyz answer that this server is shutting down.
func (a *App) StopReady() { a.web.Drain() }

// WaitSockets returns when every WebSocket has closed, or ctx ends.
func (a *App) WaitSockets(ctx context.Context) { a.web.Wait(ctx) }

// Drain stops being ready and ends all streams, the times at which they come
// back spread over spread.
func (a *App) Drain(spread time.Duration) {
	a.drained.Do(func() {
		a.web.Drain()
		a.hub.Close(spread)
	})
}

// Close ends all streams and then the store.
func (a *App) Close() error {
	a.Drain(0)
	a.outbox()
	a.working.Wait()
	return a.store.Close()
}
