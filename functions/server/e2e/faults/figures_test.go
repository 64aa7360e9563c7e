package faults_test

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// figures are what the table shows and no test asserts.
type figures struct {
	name                                      string
	rounds, acked, readers, conns             int
	lost, doubled, misordered, forged, resets int
	silence, p99, back, slowest               time.Duration
	calmly, roughly                           time.Duration // p99 in these spells
	notes                                     string
}

var table struct {
	sync.Mutex
	rows []figures
}

func (l *load) report(v verdict) {
	f := figures{
		name: l.name, rounds: 1, readers: len(l.readers), slowest: l.slowest,
		lost: v.Lost, doubled: v.Doubled, misordered: v.Misordered, forged: v.Forged, resets: v.Resets,
	}
	for _, ln := range l.lines {
		if !ln.Acked.IsZero() {
			f.acked++
		}
	}
	for _, w := range l.readers {
		f.conns += w.conns
		if !w.slow && !w.subject {
			f.silence = max(f.silence, l.silence(w))
			f.back = max(f.back, l.back(w))
		}
	}
	f.p99 = l.p99(spell{l.began, time.Now()})
	if len(l.errs) > 0 {
		l.Logf("posts without an answer: %v", l.errs)
	}
	f.notes = fmt.Sprint("posts ", codes(l.codes), " streams refused ", codes(l.refusals()))
	if !l.roughly.to.IsZero() {
		f.calmly, f.roughly = l.p99(l.calmly), l.p99(l.roughly)
		f.notes += fmt.Sprint(" p99 while calm ", f.calmly.Round(time.Millisecond/10), ", then ", f.roughly.Round(time.Millisecond/10))
	}
	f.notes += l.remark
	l.figures = f
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, f)
}

func (l *load) refusals() map[int]int {
	all := map[int]int{}
	for _, w := range l.readers {
		for code, n := range w.refused {
			all[code] += n
		}
	}
	return all
}

func codes(m map[int]int) string { return strings.TrimPrefix(fmt.Sprint(m), "map") }

// p99 is how long readers waited for what was said in a spell.
func (l *load) p99(in spell) time.Duration {
	said := map[string]*line{}
	for _, ln := range l.lines {
		if in.has(ln.Sent) {
			said[ln.Text] = ln
		}
	}
	var took []time.Duration
	for _, w := range l.readers {
		if !w.slow && !w.subject {
			took = append(took, l.times(w, said)...)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// checkOthers fails if who had no part in it waited longer than when it was calm.
func (l *load) checkOthers() {
	l.Helper()
	least := time.Second // where CI and the race detector are at work too
	if *tortureMinutes > 0 {
		least = 50 * time.Millisecond
	}
	if f := l.figures; f.calmly == 0 || f.roughly == 0 || f.roughly > max(3*f.calmly, least) {
		l.Errorf("the others' p99 was %v while it was calm and %v then", f.calmly, f.roughly)
	}
}

// times are how long a reader waited for lines that were said only once.
func (l *load) times(w *watcher, said map[string]*line) (took []time.Duration) {
	for _, st := range w.Steps {
		if ln := said[st.Text]; ln != nil && ln.Tries == 1 && ln.Sent.After(w.Opened) && !w.Opened.IsZero() {
			took = append(took, st.At.Sub(ln.Sent))
		}
	}
	return took
}

// silence is the longest that a reader saw nothing while authors were at work.
func (l *load) silence(w *watcher) (longest time.Duration) {
	last := cmp.Or(w.Opened, l.began)
	for _, st := range w.Steps {
		if st.At.After(l.ended) {
			break
		}
		longest = max(longest, st.At.Sub(last))
		last = st.At
	}
	return max(longest, l.ended.Sub(last))
}

// back is how long a reader waited after what was broken was whole.
func (l *load) back(w *watcher) time.Duration {
	if l.healed.IsZero() {
		return 0
	}
	for _, st := range w.Steps {
		if st.At.After(l.healed) {
			return st.At.Sub(l.healed)
		}
	}
	return patience
}

// printTable says what all rounds of each scenario came to.
func printTable(to io.Writer) {
	sum := map[string]*figures{}
	var names []string
	for _, f := range table.rows {
		s := sum[f.name]
		if s == nil {
			s = &figures{name: f.name}
			sum[f.name] = s
			names = append(names, f.name)
		}
		s.rounds, s.acked, s.conns, s.resets = s.rounds+1, s.acked+f.acked, s.conns+f.conns, s.resets+f.resets
		s.lost, s.doubled, s.misordered, s.forged = s.lost+f.lost, s.doubled+f.doubled, s.misordered+f.misordered, s.forged+f.forged
		s.readers, s.silence, s.p99 = max(s.readers, f.readers), max(s.silence, f.silence), max(s.p99, f.p99)
		s.back, s.slowest, s.notes = max(s.back, f.back), max(s.slowest, f.slowest), f.notes
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	tw := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "scenario\trounds\tacked\treaders\tstreams\tlost/doubled/misordered\tforged\tresets\tsilence\tp99\tback after\tslowest post\tlast round")
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }
	for _, name := range names {
		s := sum[name]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d/%d/%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", s.name, s.rounds, s.acked, s.readers, s.conns,
			s.lost, s.doubled, s.misordered, s.forged, s.resets, ms(s.silence), ms(s.p99), ms(s.back), ms(s.slowest), s.notes)
	}
	tw.Flush()
}
