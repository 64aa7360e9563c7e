//go:build !function

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"confab/shared/hub"
	"confab/shared/nickname"
	"confab/shared/web"
)

// What a connection may take, and what a leaving server gives.
const (
	headerTimeout = 5 * time.Second        // to send a request's head
	readTimeout   = 10 * time.Second       // to send a whole request
	idleTimeout   = 75 * time.Second       // between two requests
	maxHeader     = 16 << 10               // bytes of a request's head
	maxStreams    = 256                    // requests at once on one HTTP/2 connection
	pingAfter     = 30 * time.Second       // an HTTP/2 connection that is silent so long has to answer a ping
	farewell      = time.Second            // in which kept connections are let go of, each with an answer
	drainSpread   = 700 * time.Millisecond // over which cut streams come back
	drainTimeout  = 10 * time.Second       // for posts under way, and WebSockets to close
)

// Serve answers on the configured address until ctx ends: it then stops being
// ready, lets go of kept connections, takes no new ones, finishes what is under
// way, sends bye to every stream and closes all.
// Ready is called once it listens. Around, if there are any, see each request
// before all else.
func (a *App) Serve(ctx context.Context, ready func(net.Addr), around ...func(http.Handler) http.Handler) error {
	ln, err := listen(a.cfg.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("ADDR: %w", err), a.Close())
	}
	h := a.Handler(web.Login(nickname.Parse), web.Post, web.Stream, web.Site, web.Health)
	for _, wrap := range around {
		h = wrap(h)
	}
	srv := server(lettingGo(ctx, h), a.log)
	srv.RegisterOnShutdown(func() { a.drain(drainSpread) })
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		a.log.Info("server leaves", "streams", a.streams())
		a.web.Drain()
		time.Sleep(farewell)
		leave(ln)
		err := srv.Shutdown(ctx)
		a.web.Wait(ctx)
		ended <- err
	})
	a.log.Info("server listens", "addr", ln.Addr().String(), "redis", cmp.Or(a.store.Address(), "built in"), "durability", a.cfg.Durability)
	ready(ln.Addr())
	err = srv.Serve(ln)
	if !stop() { // ctx has ended: what is under way is being finished
		err = <-ended
	}
	left := a.streams()
	err = errors.Join(err, a.Close())
	if err != nil {
		a.log.Error("server ended", "streams", left, "err", err)
		return err
	}
	a.log.Info("server ended", "streams", left)
	return nil
}

// lettingGo has each connection end with its next answer once ctx has ended.
// Shutdown closes those that lie idle at once, and with them a post that is on
// its way: by then few are left, and none of who posts often. HTTP/1.1 has
// nothing better (RFC 9112 §9.6); HTTP/2 says GOAWAY.
func lettingGo(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// server is what faces strangers.
//
// Decision: HTTP/2 without TLS too, for who asks for it by its preface (Envoy,
// Caddy, an ALB's HTTP2 target groups): a proxy then needs one connection for
// many streams. A stream there has a goroutine, which a connection of its own
// has not, so a proxy in front of very many is better off with HTTP/1.1.
func server(h http.Handler, log *slog.Logger) *http.Server {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, Protocols: &both,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, WriteByteTimeout: hub.StallLimit},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
}

// streams are those that are open here.
func (a *App) streams() int {
	s := a.hub.Stats()
	return s.Adopted + s.Waiting
}
