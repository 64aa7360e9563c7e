package metrics

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An exposition holds metrics in Prometheus's text format
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// Decision: we write the lines ourselves. Prometheus's client writes protobuf
// too, which adds 2.1 MB to an image that must stay under 15.
type exposition struct{ bytes.Buffer }

const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// family writes the head of a metric. Its samples follow.
func (e *exposition) family(name, kind, help string) {
	e.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// sample writes one value. Labels alternate names and values.
func (e *exposition) sample(name string, v float64, labels ...string) {
	e.WriteString(name)
	sep := byte('{')
	for i := 0; i+1 < len(labels); i += 2 {
		e.WriteByte(sep)
		e.WriteString(labels[i] + `="` + escaped.Replace(labels[i+1]) + `"`)
		sep = ','
	}
	if sep == ',' {
		e.WriteByte('}')
	}
	e.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (e *exposition) gauge(name, help string, v float64) {
	e.family(name, "gauge", help)
	e.sample(name, v)
}

func (e *exposition) counter(name, help string, n uint64) {
	e.family(name, "counter", help)
	e.sample(name, float64(n))
}

// histogram writes the samples of one. Counts has one more element than bounds,
// for what is above all of them.
func (e *exposition) histogram(name string, bounds []time.Duration, counts []uint64, sum time.Duration, labels ...string) {
	below := uint64(0)
	for i, n := range counts {
		below += n
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		e.sample(name+"_bucket", float64(below), append(labels, "le", le)...)
	}
	e.sample(name+"_sum", sum.Seconds(), labels...)
	e.sample(name+"_count", float64(below), labels...)
}

// times counts durations in the buckets of tookBounds.
type times struct {
	counts [len(tookBounds) + 1]uint64
	sum    time.Duration
}

var tookBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

func (t *times) observe(d time.Duration) {
	i, _ := slices.BinarySearch(tookBounds[:], d) // an upper bound is within
	t.counts[i]++
	t.sum += d
}
