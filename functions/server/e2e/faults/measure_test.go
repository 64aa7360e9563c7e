package faults_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

// startMeasured runs a server that tells its metrics. Figure is the sum of
// those that begin with a name; "heap" is what is in use, in bytes.
func startMeasured(r *round, env ...string) (s *process.Server, figure func(name string) float64) {
	r.Helper()
	addr := testenv.FreeAddr(r)
	s = process.Start(r, append(env, "METRICS_ADDR="+addr)...)
	get := func(path string) string {
		r.Helper()
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			r.Fatalf("%v: %s", err, s.Log)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			r.Fatal(err)
		}
		return string(body)
	}
	return s, func(name string) (sum float64) {
		r.Helper()
		if name == "heap" {
			get("/debug/pprof/heap?gc=1")
			get("/debug/pprof/heap?gc=1") // what pools hold goes by the second
			name = "go_memstats_heap_alloc_bytes"
		}
		for line := range strings.Lines(get("/metrics")) {
			if strings.HasPrefix(line, name) {
				n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
				if err != nil {
					r.Fatal(err)
				}
				sum += n
			}
		}
		return sum
	}
}

// A tally is what a process holds.
type tally struct{ heap, goroutines, descriptors int }

func (t tally) String() string {
	return fmt.Sprintf("heap %d KiB, %d goroutines, %d descriptors", t.heap>>10, t.goroutines, t.descriptors)
}

// tally is the least of several, since readers come and go meanwhile.
func tallyOf(s *process.Server, figure func(string) float64) tally {
	least := tally{math.MaxInt, math.MaxInt, math.MaxInt}
	for range 10 {
		least.heap = min(least.heap, int(figure("heap")))
		least.goroutines = min(least.goroutines, int(figure("go_goroutines")))
		least.descriptors = min(least.descriptors, s.Descriptors())
		pause(20 * time.Millisecond)
	}
	return least
}
