// Command server is Confab in one process: every route, every transport and
// the page, on a laptop or in a container. Without REDIS_URL it keeps the
// rooms itself.
//
// "confab doctor URL" serves nothing: it looks at the path to a server from
// outside, and tells what on it keeps streams from being streams.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"confab/functions/server/doctor"
	"confab/functions/server/metrics"
	"confab/shared/app"
	"confab/shared/store"
	"confab/shared/store/redis"
)

func main() {
	ill := len(os.Args) > 1 && os.Args[1] == "doctor"
	if !ill {
		calmMonitor()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if ill {
		err = doctor.Run(ctx, os.Args[2:], os.Stdout)
	} else {
		err = run(ctx, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "confab:", err)
		os.Exit(1)
	}
}

// engine is what keeps the rooms: Redis where there is one, else this process.
func engine(cfg app.Config) store.Opener {
	if cfg.RedisURL == "" {
		return redis.OpenLocal
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
	a, err := app.Open(ctx, cfg, log, engine(cfg))
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
		log.Info("metrics are served", "addr", at.String())
		around = append(around, m.Count)
	}
	return a.Serve(ctx, func(addr net.Addr) {
		fmt.Fprintf(stdout, "Confab is open at %s\n", address(cfg, addr))
	}, around...)
}

// address is where a browser on this machine finds us.
func address(cfg app.Config, addr net.Addr) string {
	if cfg.PublicOrigin != "" {
		return cfg.PublicOrigin
	}
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
