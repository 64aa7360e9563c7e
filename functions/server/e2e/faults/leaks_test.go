package faults_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

// Half of them cost the server a goroutine: those by HTTP/2.
func TestTortureStreamsComeAndGo(t *testing.T) {
	torture(t, "1,200 streams opened and closed", func(r *round) {
		s, figure := startMeasured(r, openTo("")...)
		n := some(300, 1200)
		h2 := &http.Transport{Protocols: new(http.Protocols)}
		h2.Protocols.SetUnencryptedHTTP2(true)
		defer h2.CloseIdleConnections()
		comeAndGo := func() tally {
			for done := 0; done < n; done += 100 {
				plain, _ := streams(r, s, 50, http.DefaultClient)
				multiplexed, _ := streams(r, s, 50, &http.Client{Transport: h2})
				if open := figure("confab_listeners"); open != 100 {
					r.Errorf("%v streams are open, not 100", open)
				}
				closeAll(plain)
				closeAll(multiplexed)
				awaitTrue(r, "all streams are let go of", func() bool { return figure("confab_listeners") == 0 })
			}
			return tally{int(figure("heap")), int(figure("go_goroutines")), s.Descriptors()}
		}
		first := comeAndGo()
		last := comeAndGo()
		leaks := func() bool {
			return last.heap > first.heap+n*4<<10 || last.goroutines > first.goroutines+10 || last.descriptors > first.descriptors+3
		}
		testenv.Holds(time.Second, func() bool { // the last handlers return a moment later
			last = tally{min(last.heap, int(figure("heap"))), min(last.goroutines, int(figure("go_goroutines"))), min(last.descriptors, s.Descriptors())}
			return !leaks()
		})
		left := max(0, last.heap-first.heap)
		r.Logf("%d streams left %d bytes each: %v, then %v", n, left/n, first, last)
		if leaks() {
			r.Errorf("%d streams left %d KiB: %v, then %v", n, left>>10, first, last)
		}
	})
}

// The soak lasts as long as make torture was given minutes, beside the other
// scenarios: readers come and go all the time, and what the server holds at
// the end is what it held when a tenth had passed.
func TestTortureSoak(t *testing.T) {
	torture(t, "soak, readers come and go every 2 s", func(r *round) {
		s, figure := startMeasured(r, openTo(redistest.Start(r))...)
		l := r.load(plan{readers: some(20, 100), cut: 2 * time.Second, pace: 400 * time.Millisecond}, s.URL)
		tenth := max(time.Second/2, time.Duration(*tortureMinutes*float64(time.Minute))/time.Duration(10**tortureRounds))
		pause(tenth)
		first := tallyOf(s, figure)
		last := first
		for i := range 9 {
			pause(tenth)
			last = tallyOf(s, figure)
			r.Logf("%v of %v: %v", time.Duration(i+2)*tenth, 10*tenth, last)
		}
		l.remark = fmt.Sprintf("; %v, then %v", first, last)
		l.check()
		if last.heap > first.heap+4<<20 || last.goroutines > first.goroutines+10 || last.descriptors > first.descriptors+10 {
			r.Errorf("the server held %v, and in the end %v", first, last)
		}
	})
}
