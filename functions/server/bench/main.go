//go:build linux

// Command bench says what a line costs that is delivered to many: beside the
// least that it can cost (a bare broadcast loop, measured in the same run) and
// beside the obvious Go server. `make bench` runs it; it wants a quiet machine
// with two cores, for the server side has one and the load the other.
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
	runs := flag.Int("runs", 3, "runs of each row; the table shows medians")
	only := flag.String("rows", "", "rows to run, by number and comma; empty: all")
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
	fmt.Println("| work | measured | floor in the same run | naive | reach | |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for i, row := range rows {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), fmt.Sprint(i+1)) {
			continue
		}
		line, err := row.run(b)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		fmt.Printf("| %s | %s | %s |\n", row.name, line, row.reach)
	}
	return nil
}

// median runs a load several times and returns the result in the middle, by
// CPU a delivery.
func (b *bench) median(side starter, l load) (result, error) {
	var all []result
	for i := range b.runs {
		fmt.Fprintf(os.Stderr, "%s: run %d of %d, %s\n", side.name(), i+1, b.runs, l)
		r, err := b.once(side, l)
		if err != nil {
			return result{}, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(x, y result) int { return int(1000 * (x.PerDelivery - y.PerDelivery)) })
	return all[len(all)/2], nil
}

func (l load) String() string {
	s, _ := json.Marshal(l)
	return string(s)
}
