package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"confab/shared/web"
)

// What a connection may take, and what a leaving server gives.
const (
	headerTimeout = 5 * time.Second        // to send a request's head
	readTimeout   = 10 * time.Second       // to send a whole request
	idleTimeout   = 75 * time.Second       // between two requests
	maxHeader     = 16 << 10               // bytes of a request's head
	drainSpread   = 700 * time.Millisecond // over which cut streams come back
	drainTimeout  = 10 * time.Second       // for posts under way
)

// Serve answers on the configured address until ctx ends: it then stops being
// ready, finishes what is under way, sends bye to every stream and closes all.
// Ready is called once it listens. Around, if there are any, see each request
// before all else.
func (a *App) Serve(ctx context.Context, ready func(net.Addr), around ...func(http.Handler) http.Handler) error {
	ln, err := net.Listen("tcp", a.cfg.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("ADDR: %w", err), a.Close())
	}
	h := a.Handler(web.Login, web.Post, web.Stream, web.Site, web.Health)
	for _, wrap := range around {
		h = wrap(h)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	srv.RegisterOnShutdown(func() { a.drain(drainSpread) })
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		ended <- srv.Shutdown(ctx)
	})
	ready(ln.Addr())
	err = srv.Serve(ln)
	if !stop() { // ctx has ended: what is under way is being finished
		err = <-ended
	}
	return errors.Join(err, a.Close())
}
