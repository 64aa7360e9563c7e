package main

import (
	"context"
	"errors"
	"fmt"

	"confab/shared/app"
	"confab/shared/store/bolt"
)

// backup copies the rooms of DATA_DIR to a file, whether a server has them open
// or not.
func backup(ctx context.Context, args []string, to console) error {
	dir, file, err := chatAndFile("backup", args)
	if err != nil {
		return err
	}
	c, err := bolt.Backup(ctx, dir, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.out, "%s holds the chat (%s), and was read again\n", file, c)
	return err
}

// restore puts a backup into a DATA_DIR that has no chat yet.
func restore(_ context.Context, args []string, to console) error {
	dir, file, err := chatAndFile("restore", args)
	if err != nil {
		return err
	}
	c, err := bolt.Restore(dir, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.out, "%s holds the chat (%s): start the server\n", dir, c)
	return err
}

func chatAndFile(name string, args []string) (dir, file string, err error) {
	if len(args) != 1 {
		return "", "", usageError(fmt.Sprintf("%s takes one argument, the file", name))
	}
	cfg, err := app.FromEnv()
	if err == nil && cfg.RedisURL != "" {
		err = errors.New("REDIS_URL is set: the rooms are in Redis, which has its own backups")
	}
	return cfg.DataDir, args[0], err
}
