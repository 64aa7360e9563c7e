package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/store"
)

func testDepositIsWithdrawnOnce(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	if err := s.Deposit(ctx, "transfer", "key", []byte("value"), time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{"transfer", "kez"}, {"other", "key"}, {"transfer", ""}} {
		if v := Must(s.Withdraw(ctx, wrong[0], wrong[1]))(t); v != nil {
			t.Errorf("%s %q gives %q", wrong[0], wrong[1], v)
		}
	}
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			v, err := s.Withdraw(ctx, "transfer", "key")
			if err != nil || v != nil && string(v) != "value" {
				t.Errorf("withdrawn: %q, %v", v, err)
			}
			if v != nil {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got it", got.Load())
	}
	Eventually(t, 5*time.Second, "the end of a deposit", func() error {
		if err := s.Deposit(ctx, "transfer", "late", []byte("value"), time.Millisecond); err != nil {
			return err
		}
		for until := time.Now().Add(2 * time.Millisecond); time.Now().Before(until); {
			Must(s.Withdraw(ctx, "transfer", "another"))(t)
		}
		if v, err := s.Withdraw(ctx, "transfer", "late"); err != nil || v != nil {
			return fmt.Errorf("%q is there after its life, %v", v, err)
		}
		return nil
	})
}
