//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// draw measures every target with more and more listeners, at one line a
// second, and draws what it saw.
func (b *bench) draw(file string) error {
	counts := []int{100, 500, 1000, 2000, 5000, 10000, 19000}
	targets := []starter{own{b, "floor"}, confab{b: b}, own{b, "naive"}}
	latency, memory := make([][]float64, len(targets)), make([][]float64, len(targets))
	for _, n := range counts {
		of, err := b.measure(load{N: n, Rate: 2, Seconds: b.seconds}, targets...)
		if err != nil {
			return err
		}
		for i, r := range of {
			latency[i] = append(latency[i], r.P50)
			memory[i] = append(memory[i], r.Bytes*float64(n)/(1<<20))
		}
	}
	var out strings.Builder
	out.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="system-ui, sans-serif" font-size="12">` + "\n")
	out.WriteString(`<style>text{fill:#555}.l{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>` + "\n")
	panel(&out, 50, "p50 until a line is there, ms", counts, latency)
	panel(&out, 430, "memory of the server, MiB", counts, memory)
	out.WriteString("</svg>\n")
	return os.WriteFile(file, []byte(out.String()), 0o644)
}

var (
	labels = []string{"floor", "Confab", "naive Go"}
	colors = []string{"#888", "#b3402a", "#3a6ea5"}
)

// panel draws lines over the number of listeners, both axes from zero.
func panel(out *strings.Builder, x float64, title string, counts []int, lines [][]float64) {
	const w, h, top = 280.0, 200.0, 40.0
	most := 0.0
	for _, line := range lines {
		for _, v := range line {
			most = max(most, v)
		}
	}
	fmt.Fprintf(out, `<text x="%.0f" y="20" font-weight="600">%s</text>`+"\n", x, title)
	fmt.Fprintf(out, `<path d="M%.0f %.0fV%.0fH%.0f" fill="none" stroke="#999"/>`+"\n", x, top, top+h, x+w)
	fmt.Fprintf(out, `<text x="%.0f" y="%.0f" text-anchor="end">%.0f</text><text x="%.0f" y="%.0f" text-anchor="end">%d listeners</text>`+"\n", x-6, top+4, most, x+w, top+h+18, counts[len(counts)-1])
	for i, line := range lines {
		var points []string
		for k, v := range line {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x+w*float64(counts[k])/float64(counts[len(counts)-1]), top+h-h*v/most))
		}
		fmt.Fprintf(out, `<polyline class="l" stroke="%s" points="%s"/>`+"\n", colors[i], strings.Join(points, " "))
		fmt.Fprintf(out, `<text x="%.0f" y="%.0f" style="fill:%s">%s</text>`+"\n", x+float64(i)*90, top+h+40, colors[i], labels[i])
	}
}
