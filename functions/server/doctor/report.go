package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A level says how bad a finding is.
type level string

const (
	fine  level = "ok"
	note  level = "note"  // it works, but could be better
	fault level = "FAULT" // the chat is not live, or not for everybody
)

// A finding is what one check came to.
type finding struct {
	check string
	level level
	said  string
	cure  cure
}

func (d *doctor) fine(check, said string, args ...any) {
	d.findings = append(d.findings, finding{check: check, level: fine, said: fmt.Sprintf(said, args...)})
}

func (d *doctor) note(check string, c cure, said string, args ...any) {
	d.findings = append(d.findings, finding{check, note, fmt.Sprintf(said, args...), c})
}

func (d *doctor) fault(check string, c cure, said string, args ...any) {
	d.findings = append(d.findings, finding{check, fault, fmt.Sprintf(said, args...), c})
}

// has reports whether a check found a fault.
func (d *doctor) has(check string) bool {
	return slices.ContainsFunc(d.findings, func(f finding) bool { return f.check == check && f.level == fault })
}

// report prints what was found, and what cures it.
func (d *doctor) report() error {
	fmt.Fprintln(d.out)
	var cures []cure
	sick := false
	for _, f := range d.findings {
		fmt.Fprintf(d.out, "%-13s %-6s %s\n", f.check, f.level, f.said)
		sick = sick || f.level == fault
		if f.cure != nil {
			cures = append(cures, f.cure)
		}
	}
	if len(cures) > 0 {
		fmt.Fprintln(d.out, "\nWhat cures it, by who is on the path:")
		for _, by := range proxies {
			if lines := together(by, cures); len(lines) > 0 {
				fmt.Fprintf(d.out, "\n  %s (%s)\n", by.name, by.where)
				for _, line := range lines {
					fmt.Fprintf(d.out, "    %s\n", line)
				}
			}
		}
	}
	if sick {
		return ErrSick
	}
	fmt.Fprintln(d.out, "\nThis path is good for a live chat.")
	return nil
}

// together are the lines of several cures for one proxy, each setting once:
// proxies refuse a setting that is there twice.
func together(by proxy, cures []cure) (lines []string) {
	for _, c := range cures {
		for line := range strings.Lines(c[by.name]) {
			if line = strings.TrimSuffix(line, "\n"); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(by.rank(a), by.rank(b)) })
	return lines
}
