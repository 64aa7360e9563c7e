//go:build linux

package main

import "fmt"

// A workload is one kind of work, and what is to be reached.
type workload struct {
	name, goal string
	run        func(*bench) (string, error)
}

var workloads = []workload{
	{"1,000 listeners, 10 lines/s", "CPU ≤ 1.35 ×, p50 and p99 ≤ 1.3 × the floor's", func(b *bench) (string, error) {
		return b.beside(load{N: 1000, Rate: 10}, true, func(r, f result) (string, bool) {
			return fmt.Sprintf("%.1f µs, p50 %.1f, p99 %.1f ms (%.2f ×, %.2f ×, %.2f ×)", r.PerDelivery, r.P50, r.P99, r.PerDelivery/f.PerDelivery, r.P50/f.P50, r.P99/f.P99),
				r.PerDelivery <= 1.35*f.PerDelivery && r.P50 <= 1.3*f.P50 && r.P99 <= 1.3*f.P99
		})
	}},
	{"1,000 listeners, as fast as it goes, 64 in flight", "≥ 2 M deliveries/s, ≤ 0.4 µs", func(b *bench) (string, error) {
		return b.beside(load{N: 1000, Window: 64, Publishers: 64}, true, func(r, f result) (string, bool) {
			return fmt.Sprintf("%.2f M/s, %.2f µs", r.PerSecond/1e6, r.PerDelivery), r.PerSecond >= 2e6 && r.PerDelivery <= .4
		})
	}},
	{"10,000 listeners, 1 line/s", "p99 ≤ the floor's, ≤ 1,500 B a listener", func(b *bench) (string, error) {
		return b.beside(load{N: 10000, Rate: 1}, false, func(r, f result) (string, bool) {
			return fmt.Sprintf("p99 %.0f ms (%.2f ×), %.0f B", r.P99, r.P99/f.P99, r.Bytes), r.P99 <= f.P99 && r.Bytes <= 1500
		})
	}},
	{"19,000 idle listeners", "≤ 600 B a listener", func(b *bench) (string, error) {
		return b.beside(load{N: 19000}, false, func(r, f result) (string, bool) {
			return fmt.Sprintf("%.0f B", r.Bytes), r.Bytes <= 600
		})
	}},
	{"200 rooms of 25, 200 lines/s", "p50 ≤ 0.5, p99 ≤ 0.8 ms, ≤ 25 µs", func(b *bench) (string, error) {
		return b.beside(load{N: 5000, Rooms: 200, Rate: 200}, false, func(r, f result) (string, bool) {
			return fmt.Sprintf("p50 %.2f, p99 %.2f ms, %.1f µs (%.2f ×, %.2f ×, %.2f ×)", r.P50, r.P99, r.PerDelivery, r.P50/f.P50, r.P99/f.P99, r.PerDelivery/f.PerDelivery), r.P50 <= .5 && r.P99 <= .8 && r.PerDelivery <= 25
		})
	}},
	{"5 of 200 stop reading, 300 lines/s of 3.5 kB", "the others' p99 ≤ 6 ms, ≤ 10 MiB gained", func(b *bench) (string, error) {
		return b.alone(load{N: 200, Stalled: 5, Rate: 300, Bytes: 3500}, func(r result) (string, bool) {
			return fmt.Sprintf("p99 %.1f ms, %.1f MiB gained", r.P99, r.Gained), r.P99 <= 6 && r.Gained <= 10
		})
	}},
	{"5,000 listeners to 5 of 200 rooms each, 200 lines/s", "≤ 1.5 × the CPU a delivery of one room each", func(b *bench) (string, error) {
		one, err := b.measure(load{N: 5000, Rooms: 200, Rate: 200, Seconds: b.seconds}, confab{b: b})
		if err != nil {
			return "", err
		}
		return b.alone(load{N: 5000, Rooms: 200, Each: 5, Rate: 200}, func(r result) (string, bool) {
			times := r.PerDelivery / one[0].PerDelivery
			return fmt.Sprintf("%.1f µs (one room each: %.1f; %.2f ×)", r.PerDelivery, one[0].PerDelivery, times), times <= 1.5
		})
	}},
	{"posts alone", "≥ 12,000/s, p99 ≤ 10 ms", func(b *bench) (string, error) {
		of, err := b.measure(load{N: 1, Deaf: true, Window: 1 << 20, Publishers: 64, Seconds: b.seconds}, confab{b: b, redisAway: true})
		if err != nil {
			return "", err
		}
		r := of[0]
		return r.cells(fmt.Sprintf("%.0f/s, p99 %.1f ms", r.Posts, r.PostP99), "", "", r.Posts >= 12000 && r.PostP99 <= 10), nil
	}},
	{"5,000 listeners come back at once, 100 lines behind", "all caught up in 2 s, at most one read of the log a room", func(b *bench) (string, error) {
		return b.alone(load{N: 5000, Rate: 50, ComeBack: 100}, func(r result) (string, bool) {
			return fmt.Sprintf("%.2f s, %d read of the log", r.CaughtUp, r.LogReads), r.CaughtUp > 0 && r.CaughtUp <= 2 && r.LogReads <= 1
		})
	}},
	{"200 rooms of 25, 200 lines/s, built-in store", "≤ the CPU a delivery through Redis", func(b *bench) (string, error) {
		of, err := b.measure(load{N: 5000, Rooms: 200, Rate: 200, Seconds: b.seconds}, confab{b: b}, builtIn{b})
		if err != nil {
			return "", err
		}
		redis, own := of[0], of[1]
		return own.cells(fmt.Sprintf("p50 %.2f, p99 %.2f ms, %.1f µs (%.2f × of Redis)", own.P50, own.P99, own.PerDelivery, own.PerDelivery/redis.PerDelivery), "", "", own.PerDelivery <= redis.PerDelivery), nil
	}},
	{"posts alone, built-in store, each synced", "≥ 0.7 × as many as through Redis", func(b *bench) (string, error) {
		of, err := b.measure(load{N: 1, Deaf: true, Window: 1 << 20, Publishers: 64, Seconds: b.seconds}, confab{b: b, redisAway: true}, builtIn{b})
		if err != nil {
			return "", err
		}
		redis, own := of[0], of[1]
		return own.cells(fmt.Sprintf("%.0f/s (%.2f ×), p99 %.1f ms", own.Posts, own.Posts/redis.Posts, own.PostP99), "", "", own.Posts >= .7*redis.Posts), nil
	}},
	// Latency is not reported: the load's own TLS is a good part of it.
	{"1,000 listeners over TLS, 10 lines/s", "≤ 2 × the CPU a delivery of plain HTTP", func(b *bench) (string, error) {
		plain, r, err := b.secured(load{N: 1000, Rate: 10})
		return r.cells(fmt.Sprintf("%.1f µs (plain HTTP: %.1f; %.2f ×)", r.PerDelivery, plain.PerDelivery, r.PerDelivery/plain.PerDelivery), "", "",
			r.PerDelivery <= 2*plain.PerDelivery), err
	}},
	{"5,000 idle listeners over TLS", "≤ 8 kB a listener", func(b *bench) (string, error) {
		plain, r, err := b.secured(load{N: 5000})
		return r.cells(fmt.Sprintf("%.0f B (plain HTTP: %.0f)", r.Bytes, plain.Bytes), "", "", r.Bytes <= 8000), err
	}},
}

// beside measures the server, the floor and, where it is worth it, the naive
// one under the same load.
func (b *bench) beside(l load, withNaive bool, judge func(r, f result) (string, bool)) (string, error) {
	l.Seconds = b.seconds
	targets := []starter{own{b, "floor"}, confab{b: b}}
	if withNaive {
		targets = append(targets, own{b, "naive"})
	}
	of, err := b.measure(l, targets...)
	if err != nil {
		return "", err
	}
	floor, r, naive := of[0], of[1], ""
	if withNaive {
		naive = of[2].brief(l)
	}
	text, ok := judge(r, floor)
	return r.cells(text, floor.brief(l), naive, ok), nil
}

func (b *bench) alone(l load, judge func(result) (string, bool)) (string, error) {
	l.Seconds = b.seconds
	of, err := b.measure(l, confab{b: b})
	if err != nil {
		return "", err
	}
	text, ok := judge(of[0])
	return of[0].cells(text, "", "", ok), nil
}

// secured measures the server by plain HTTP and over TLS.
func (b *bench) secured(l load) (plain, r result, err error) {
	l.Seconds = b.seconds
	of, err := b.measure(l, builtIn{b}, secure{b})
	if err != nil {
		return plain, r, err
	}
	return of[0], of[1], nil
}

func (r result) brief(l load) string {
	switch {
	case l.Rate == 0 && l.Window == 0:
		return fmt.Sprintf("%.0f B", r.Bytes)
	case l.Window > 0:
		return fmt.Sprintf("%.2f M/s, %.2f µs%s", r.PerSecond/1e6, r.PerDelivery, r.faults())
	}
	return fmt.Sprintf("%.1f µs, p50 %.2g, p99 %.2g ms%s", r.PerDelivery, r.P50, r.P99, r.faults())
}

// cells returns the cells of a workload's row. Its mark says whether the goal
// was reached without a fault.
func (r result) cells(text, floor, naive string, ok bool) string {
	mark := "✗"
	if ok && r.faults() == "" {
		mark = "✓"
	}
	return fmt.Sprintf("%s %s%s | %s | %s", mark, text, r.faults(), floor, naive)
}

func (r result) faults() string {
	if r.Lost == 0 && r.Disorder == 0 && r.Failed == 0 {
		return ""
	}
	return fmt.Sprintf(" (lost %d, readers in another order %d, failed posts and streams %d)", r.Lost, r.Disorder, r.Failed)
}
