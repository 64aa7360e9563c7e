package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"

	"confab/functions/server/httpserver"
	"confab/functions/server/metrics"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/redis"
	"confab/shared/web/compress"
	"confab/shared/web/websocket"

	_ "golang.org/x/crypto/x509roots/fallback" // whom to trust in an image that holds nothing but this binary
)

// serve is the verb: it serves until ctx ends.
func serve(ctx context.Context, args []string, to console) error {
	if err := noArguments("serve", args); err != nil {
		return err
	}
	quietSysmon()
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may go away: rooms go on
	return run(ctx, to.out, to.err)
}

// engine is what keeps the rooms: Redis where there is one, else this process.
func engine(cfg app.Config) store.Opener {
	if cfg.RedisURL == "" {
		return bolt.Open
	}
	return redis.Open
}

// run serves until ctx ends. The first line on stdout is the address.
func run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg, err := app.FromEnv()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	a, err := app.Open(ctx, cfg, log, app.Parts{
		Store: engine(cfg), Site: public.Files, Upgrade: websocket.Upgrade, Compress: compress.Gzip,
	})
	if err != nil {
		return err
	}
	var around []func(http.Handler) http.Handler
	if cfg.MetricsAddr != "" {
		m := metrics.New(a.Stats)
		at, stop, err := m.Serve(cfg.MetricsAddr, log)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		defer stop()
		log.Info("serving metrics", "addr", at.String())
		around = append(around, m.Count)
	}
	return httpserver.Serve(ctx, a, func(addr net.Addr) {
		fmt.Fprintf(stdout, "Confab is open at %s\n", address(cfg, addr))
	}, around...)
}

// address is the URL at which a browser on this machine reaches the server.
func address(cfg app.Config, addr net.Addr) string {
	if cfg.PublicOrigin != "" {
		return cfg.PublicOrigin
	}
	scheme := "http"
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	if cfg.HTTPS.Enabled() {
		scheme = "https"
		if len(cfg.HTTPS.Hosts) > 0 {
			host = cfg.HTTPS.Hosts[0]
		}
		if port == "443" {
			return scheme + "://" + host
		}
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
