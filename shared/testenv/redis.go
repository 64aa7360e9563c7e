package testenv

import (
	"cmp"
	"os"
	"testing"
)

// RedisServer is the program that stands for Redis: redis-server, or what
// REDIS_SERVER names, which may be another version or Valkey.
func RedisServer(tb testing.TB) string {
	tb.Helper()
	return Need(tb, cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"))
}
