//go:build linux

// Command bench measures what it costs to deliver a line to many readers, and
// compares that with the least that it can cost (a bare broadcast loop,
// measured in the same run) and with the obvious Go server. `make bench` runs
// it. It needs an idle machine with two cores: one for the server side and one
// for the load.
//
// It is its own load, floor and naive server: each is a mode of this binary,
// so that each can be pinned to a core.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch mode := append(os.Args, "")[1]; mode {
	case "floor":
		err = floor(os.Args[2])
	case "naive":
		err = naive(os.Args[2])
	case "load":
		err = loadMain(os.Args[2])
	default:
		err = benchMain(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func benchMain(ctx context.Context) error {
	runs := flag.Int("runs", 3, "runs of each workload; the table shows medians")
	only := flag.String("workloads", "", "workloads to run, by number and comma; empty: all")
	seconds := flag.Float64("seconds", 8, "how long each run publishes")
	picture := flag.String("svg", "", "draw latency and memory against the number of listeners to this file, instead of the table")
	server := flag.String("server", "build/confab", "the server to measure")
	flag.Parse()
	path, err := filepath.Abs(*server)
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, server: path, runs: *runs, seconds: *seconds}
	if *picture != "" {
		return b.draw(*picture)
	}
	fmt.Println("| work | measured | floor in the same run | naive | goal | |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for i, workload := range workloads {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), fmt.Sprint(i+1)) {
			continue
		}
		line, err := workload.run(b)
		if err != nil {
			return fmt.Errorf("%s: %w", workload.name, err)
		}
		fmt.Printf("| %s | %s | %s |\n", workload.name, line, workload.goal)
	}
	return nil
}

// measure puts each target under a load several times, in turn, so that what
// the machine does meanwhile meets all of them, and returns each target's medians.
func (b *bench) measure(l load, targets ...starter) ([]result, error) {
	all := make([][]result, len(targets))
	for i := range b.runs {
		for k, target := range targets {
			fmt.Fprintf(os.Stderr, "%s: run %d of %d, %s\n", target.name(), i+1, b.runs, l)
			r, err := b.once(target, l)
			if err != nil {
				return nil, err
			}
			all[k] = append(all[k], r)
		}
	}
	medians := make([]result, len(targets))
	for k := range targets {
		medians[k] = median(all[k])
	}
	return medians, nil
}

// median returns the median of each figure. Faults are added up instead.
func median(runs []result) (m result) {
	figures := func(r *result) []*float64 {
		return []*float64{&r.PerDelivery, &r.PerSecond, &r.P50, &r.P99, &r.Bytes, &r.Gained, &r.Posts, &r.PostP99, &r.CaughtUp}
	}
	for i, to := range figures(&m) {
		var all []float64
		for k := range runs {
			all = append(all, *figures(&runs[k])[i])
		}
		slices.Sort(all)
		*to = all[len(all)/2]
	}
	for _, r := range runs {
		m.LogReads = max(m.LogReads, r.LogReads)
		m.Lost, m.Disorder, m.Failed = m.Lost+r.Lost, m.Disorder+r.Disorder, m.Failed+r.Failed
	}
	return m
}

func (l load) String() string {
	s, _ := json.Marshal(l)
	return string(s)
}
