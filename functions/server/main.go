// Command server is Confab in one process: every route, every transport and
// the page, on a laptop or in a container. Without REDIS_URL it keeps the
// rooms itself.
//
// Its first argument is a verb: "serve" is the default, "confab help" lists
// the others. Each verb is a row in the table of verbs and a file of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], console{out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
