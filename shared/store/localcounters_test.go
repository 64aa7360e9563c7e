package store

import (
	"testing"
	"time"
)

// A post reads the clock, then waits for its turn; Redis's answer to a batch
// may be taken down in between.
func TestBatchThatWasGrantedRefusesNobodyWhoCameBeforeIt(t *testing.T) {
	var cs localCounters
	r, came := Rate{PerSecond: 1, Burst: batchesPerBurst}, time.Now()
	_, c, batch := cs.add("who", came, r)
	if batch != 1 {
		t.Fatalf("a batch of %d is reported", batch)
	}
	cs.reported(c, came.Add(time.Second), 0, nil, batch, r)
	if us, _, _ := cs.add("who", came, r); us != 0 {
		t.Errorf("refused for %d µs", us)
	}
}
