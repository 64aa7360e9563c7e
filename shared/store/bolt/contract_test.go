package bolt_test

import (
	"testing"
	"time"

	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB) storetest.Engine {
		return storetest.Engine{
			Slack: 10,
			Open: func(tb testing.TB, opts store.Options) store.Store {
				s, _ := open(tb, opts)
				return s
			},
			AgeTasks: func(_ testing.TB, s store.Store, by time.Duration) { s.(*bolt.Store).AgeTasks(by) },
			AgeName:  func(tb testing.TB, s store.Store, name string, by time.Duration) { s.(*bolt.Store).AgeName(name, by) },
			Age:      func(_ testing.TB, s store.Store, by time.Duration) { s.(*bolt.Store).AgeKeys(by) },
		}
	})
}
