package store

import (
	"testing"
	"time"
)

// A post reads the clock, then waits for its turn; Redis's answer to a lot may
// be taken down in between.
func TestLotThatWasGrantedRefusesNobodyWhoCameBeforeIt(t *testing.T) {
	var ts tallies
	r, came := Rate{PerSecond: 1, Burst: lotsInBurst}, time.Now()
	_, who, lot := ts.add("who", came, r)
	if lot != 1 {
		t.Fatalf("Redis is told of %d", lot)
	}
	ts.told(who, came.Add(time.Second), 0, nil, lot, r)
	if us, _, _ := ts.add("who", came, r); us != 0 {
		t.Errorf("refused for %d µs", us)
	}
}
