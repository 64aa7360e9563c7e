package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"confab/shared/app"
	"confab/shared/nickname"
)

const day = 24 * time.Hour

// token prints a session that the server of this environment takes, and nothing
// else on stdout.
func token(ctx context.Context, args []string, to console) error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	operator := flags.Bool("operator", false, "an owner of every room")
	name := flags.String("name", "", "as others see it")
	days := flags.Int("days", int(app.SessionLife/day), "for which it is good")
	switch err := flags.Parse(args); {
	case err != nil:
		return usageError("token: " + err.Error())
	case flags.NArg() > 0:
		return usageError(fmt.Sprintf("token takes no arguments, not %q", flags.Arg(0)))
	case *days < 1 || *days > 3650:
		return usageError("token: -days is a number from 1 to 3650")
	case *name == "" && *operator:
		*name = "Operator"
	}
	shown, err := nickname.Parse(*name)
	if err != nil {
		return usageError("token: -name: " + err.Error())
	}
	cfg, err := app.FromEnv()
	if err != nil {
		return err
	}
	t, err := cfg.Token(ctx, engine(cfg), shown, *operator, time.Duration(*days)*day)
	if err != nil {
		return err
	}
	what := "who has it is %s (%s) for %d days\n"
	if *operator {
		what = "who has it owns every room as %s (%s) for %d days: keep it secret\n"
	}
	fmt.Fprintf(to.err, what, t.User.Name, t.User.ID, *days)
	_, err = fmt.Fprintln(to.out, t.Text)
	return err
}
