//go:build !function

package app

import (
	"context"
	"log/slog"

	"confab/shared/store"
)

// Open puts the parts of a server together. Its error is one sentence that
// names the variable to mend. The App must be closed.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*App, error) {
	if cfg.RedisURL == "" {
		return assemble(ctx, cfg, log, store.OpenLocal)
	}
	return assemble(ctx, cfg, log, store.Open)
}
