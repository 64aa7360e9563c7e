package main

import (
	"context"

	"confab/functions/server/doctor"
)

// examine looks from outside at the path to a server.
func examine(ctx context.Context, args []string, to console) error {
	return doctor.Run(ctx, args, to.out)
}

// examineRedis looks at the Redis that keeps the rooms.
func examineRedis(ctx context.Context, args []string, to console) error {
	return doctor.Redis(ctx, args, to.out)
}
