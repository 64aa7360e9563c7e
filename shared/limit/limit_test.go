package limit_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/limit"
)

func TestEachKeyHoldsAsManyAsTheLimit(t *testing.T) {
	var c limit.Concurrency
	first, ok := c.Acquire("ann", 2)
	if !ok {
		t.Fatal("the first was refused")
	}
	if _, ok := c.Acquire("ann", 2); !ok {
		t.Error("the second was refused")
	}
	if _, ok := c.Acquire("ann", 2); ok {
		t.Error("the third was let in")
	}
	if _, ok := c.Acquire("bob", 2); !ok {
		t.Error("another key was refused")
	}
	first.Release()
	if _, ok := c.Acquire("ann", 2); !ok {
		t.Error("what was released is not free")
	}
	for range 10 {
		if _, ok := c.Acquire("cat", 0); !ok {
			t.Error("0 is a limit")
		}
	}
}

func TestNoMoreThanTheLimitEvenAtOnce(t *testing.T) {
	var c limit.Concurrency
	var wg sync.WaitGroup
	got := make(chan *limit.Slot, 100)
	for range 100 {
		wg.Go(func() {
			if slot, ok := c.Acquire("ann", 7); ok {
				got <- slot
			}
		})
	}
	wg.Wait()
	if len(got) != 7 {
		t.Errorf("%d were let in, the limit is 7", len(got))
	}
}

func TestTurnComesAgainAfterThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := limit.Throttle{Pause: 3 * time.Second}
		if !throttle.Allow("ann") || !throttle.Allow("bob") {
			t.Error("a first turn was refused")
		}
		time.Sleep(3*time.Second - 1)
		if throttle.Allow("ann") {
			t.Error("the turn came early")
		}
		time.Sleep(time.Nanosecond)
		if !throttle.Allow("ann") {
			t.Error("the turn did not come")
		}
		throttle.Return("ann")
		if !throttle.Allow("ann") {
			t.Error("a turn that was returned is not there")
		}
	})
}
