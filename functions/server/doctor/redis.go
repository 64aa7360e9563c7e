package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"confab/shared/app"
	"confab/shared/store/redis"
)

// ErrUnfit says that a Redis is not set up for a chat.
var ErrUnfit = errors.New("this Redis has faults")

// Redis is the verb: confab doctor redis [URL]. What the address leaves open is
// read from the environment, as a server reads it.
func Redis(ctx context.Context, args []string, out io.Writer) error {
	cfg, err := app.FromEnv()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		cfg.RedisURL = args[0]
	}
	if len(args) > 1 || cfg.RedisURL == "" {
		return fmt.Errorf("%w: say one address, as redis://localhost:6379, or set REDIS_URL", ErrUsage)
	}
	address, findings, err := redis.Examine(ctx, cfg.Rooms(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Looking at the Redis at %s, with KEY_PREFIX %s and DURABILITY %s\n\n", address, cfg.KeyPrefix, cfg.Durability)
	unfit := false
	for _, f := range findings {
		fmt.Fprintf(out, "%-13s %-6s %s\n", f.Check, f.Level, f.Said)
		unfit = unfit || f.Level == redis.Fault
	}
	if unfit {
		return ErrUnfit
	}
	fmt.Fprintln(out, "\nThis Redis is good for a chat.")
	return nil
}
