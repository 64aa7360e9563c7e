package redis_test

import (
	"testing"

	"confab/shared/store"
	"confab/shared/store/storetest"
)

// BenchmarkAppend is posts through one Redis, on the same machine: one that
// writes nothing to its disk, and one that syncs as the built-in engine does.
func BenchmarkAppend(b *testing.B) {
	for name, args := range map[string][]string{"memory": nil, "synced": {"--appendonly", "yes", "--appendfsync", "always"}} {
		b.Run(name, func(b *testing.B) {
			url := startRedis(b, args...).url()
			storetest.BenchmarkAppends(b, func(tb testing.TB, opts store.Options) store.Store {
				opts.URL = url
				return open(tb, opts)
			})
		})
	}
}
