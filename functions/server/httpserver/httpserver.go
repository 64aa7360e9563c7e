// Package httpserver serves an app over HTTP to strangers, until it is told to
// shut down: then it drains, so that no post is lost and every stream resumes
// elsewhere.
package httpserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"confab/functions/internal/signin"
	"confab/shared/account"
	"confab/shared/app"
	"confab/shared/hub"
	"confab/shared/web"
)

// What a connection may take, and what a server that shuts down gives it.
const (
	headerTimeout  = 5 * time.Second        // to send a request's head
	readTimeout    = 10 * time.Second       // to send a whole request
	idleTimeout    = 75 * time.Second       // between two requests
	headerRoom     = 16 << 10               // bytes of a request's header fields beyond web's limit, so that web is the one to refuse
	maxStreams     = 256                    // requests at once on one HTTP/2 connection
	pingAfter      = 30 * time.Second       // an HTTP/2 connection that is silent so long has to answer a ping
	keepAliveGrace = time.Second            // in which kept connections end, each with an answer
	drainSpread    = 700 * time.Millisecond // over which cut streams come back
	drainTimeout   = 10 * time.Second       // for posts under way, and WebSockets to close
)

// Serve answers on the configured address until ctx ends. Then it stops being
// ready, ends kept connections, accepts no new ones, finishes the requests under
// way, sends bye to every stream, and closes the app.
//
// Ready is called once it listens. The wrappers see each request before all
// else, the last one first.
func Serve(ctx context.Context, a *app.App, ready func(net.Addr), wrappers ...func(http.Handler) http.Handler) error {
	cfg, log := a.Config(), a.Log()
	ln, err := listen(cfg.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("ADDR: %w", err), a.Close())
	}
	certs, err := newCertificates(cfg, log)
	if err != nil {
		return errors.Join(err, ln.Close(), a.Close())
	}
	h := a.Handler(web.Login(signin.Ways(cfg, log)), web.Invites(account.QR), web.Post, web.Stream, web.Site, web.Health)
	for _, wrap := range wrappers {
		h = wrap(h)
	}
	srv := server(closeAfterResponse(ctx, h), log)
	srv.RegisterOnShutdown(func() { a.Drain(drainSpread) })
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		log.Info("shutting down", "streams", a.Streams())
		notify(cfg.NotifySocket, "STOPPING=1", log)
		a.StopReady()
		time.Sleep(keepAliveGrace)
		drainListener(ln)
		err := srv.Shutdown(ctx)
		a.WaitSockets(ctx)
		ended <- err
	})
	log.Info("listening", "addr", ln.Addr().String(), "store", cmp.Or(a.StoreAddress(), "built in"), "durability", cfg.Durability)
	ready(ln.Addr())
	notify(cfg.NotifySocket, "READY=1", log)
	err = certs.serve(ctx, srv, ln)
	if !stop() { // ctx has ended: the requests under way are being finished
		err = <-ended
	}
	left := a.Streams()
	err = errors.Join(err, a.Close())
	if err != nil {
		log.Error("server stopped", "streams", left, "err", err)
		return err
	}
	log.Info("server stopped", "streams", left)
	return nil
}

// closeAfterResponse has each connection end with its next answer once ctx has
// ended. Shutdown closes idle connections at once, and with them a post that is
// on its way; by then few are left, and none of a client that posts often.
// HTTP/1.1 has nothing better (RFC 9112 §9.6); HTTP/2 says GOAWAY.
func closeAfterResponse(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// server bounds what a stranger's connection may take.
//
// Decision: it speaks HTTP/2 without TLS too, to a client that asks for it by
// its preface (Envoy, Caddy, an ALB's HTTP2 target groups): a proxy then needs
// one connection for many streams. A stream over HTTP/2 has a goroutine and a
// connection of its own has none, so a proxy in front of very many listeners is
// better off with HTTP/1.1.
func server(h http.Handler, log *slog.Logger) *http.Server {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	both.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, Protocols: &both,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: web.MaxHeader + headerRoom,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, WriteByteTimeout: hub.StallLimit},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
}
