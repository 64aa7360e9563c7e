package redis

import (
	"testing"
	"time"

	"confab/shared/store"
)

// A post reads the clock, then waits for its turn; Redis's answer to a batch
// may be taken down in between.
func TestBatchThatWasGrantedRefusesNobodyWhoCameBeforeIt(t *testing.T) {
	var cs localCounters
	r, came := store.Rate{PerSecond: 1, Burst: batchesPerBurst}, time.Now()
	_, c, batch := cs.add("who", came, r)
	if batch != 1 {
		t.Fatalf("a batch of %d is reported", batch)
	}
	cs.reported(c, came.Add(time.Second), 0, nil, batch, r)
	if wait, _, _ := cs.add("who", came, r); wait != 0 {
		t.Errorf("refused for %v", wait)
	}
}
