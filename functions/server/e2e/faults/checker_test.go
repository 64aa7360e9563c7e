package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A line is one thing said, as its author knows it. Its text is unique.
type line struct {
	Room, Text string
	Sent       time.Time // before the first attempt
	Acked      time.Time // after the first good answer; zero: there was none
	IDs        []string  // of every good answer, repeats under a key included
	Refused    bool      // every answer said that nothing was written
	Tries      int
}

// A step is what a reader was shown: an event, or a reset (of one room, or of
// all if Room is empty).
type step struct {
	Room, ID, Text string
	Reset          bool
	At             time.Time
}

// A screen is what one reader was shown over its whole life, across all its
// connections.
type screen struct {
	Rooms  []string
	All    bool      // it reads from the beginning, not from when it came
	Opened time.Time // when it knew its place: what is sent later is its to see
	Steps  []step

	Admitted []admission // of a reader whose rights change
}

// A history is everything that happened.
type history struct {
	Lines   []*line
	Screens []*screen
	Log     map[string][]step // what each room's log holds in the end, oldest first

	// Mended is when a log that was damaged on purpose was whole again: what
	// was sent before may be gone from it.
	Mended time.Time
}

// A verdict counts what must not be.
type verdict struct {
	Lost       int // acknowledged and not in the log, or in the log and not on a screen
	Doubled    int // twice in the log or on a screen, or two ids for one line
	Misordered int // not in the log's order, or against real time
	Forged     int // said by nobody, refused, or shown and not in the log
	Allowed    int // taken from somebody, or shown to them, that was denied
	Resets     int // all resets on all screens; the scenario says how many may be
	Notes      []string
}

func (v verdict) bad() int { return v.Lost + v.Doubled + v.Misordered + v.Forged }

func (v *verdict) note(count *int, format string, args ...any) {
	*count++
	if len(v.Notes) < 20 {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
	}
}

// judge decides whether a history keeps the promise: every acknowledged line
// is on every screen once, in one order a room that respects real time, and
// what was not answered is there once or not at all, alike for everybody.
func judge(h history) verdict {
	v := &verdict{}
	said := map[string]*line{}
	for _, l := range h.Lines {
		said[l.Text] = l
	}
	v.judgeLines(h)
	for _, room := range slices.Sorted(maps.Keys(h.Log)) {
		v.judgeLog(room, h.Log[room], said)
		for i, s := range h.Screens {
			if slices.Contains(s.Rooms, room) {
				v.judgeScreen(fmt.Sprintf("reader %d in %s", i, room), room, s, h, said)
			}
		}
	}
	for _, s := range h.Screens {
		for _, st := range s.Steps {
			if st.Reset {
				v.Resets++
			}
		}
	}
	return *v
}

// judgeLines asks of each line whether the log keeps what was answered.
func (v *verdict) judgeLines(h history) {
	in := map[string][]string{} // text → ids
	for _, log := range h.Log {
		for _, st := range log {
			in[st.Text] = append(in[st.Text], st.ID)
		}
	}
	for _, l := range h.Lines {
		ids := in[l.Text]
		acked := slices.Compact(slices.Clone(l.IDs))
		switch {
		case len(ids) > 1:
			v.note(&v.Doubled, "%q is in the log as %v", l.Text, ids)
		case len(acked) > 1 && !l.Sent.Before(h.Mended): // a damaged log forgets keys, too
			v.note(&v.Doubled, "%q was acknowledged as %v", l.Text, acked)
		case len(acked) == 1 && len(ids) == 0 && !l.Sent.Before(h.Mended):
			v.note(&v.Lost, "%q was acknowledged as %s and is not in the log", l.Text, acked[0])
		case len(acked) == 1 && len(ids) == 1 && acked[0] != ids[0]:
			v.note(&v.Doubled, "%q was acknowledged as %s and is %s", l.Text, acked[0], ids[0])
		case l.Refused && len(ids) > 0:
			v.note(&v.Forged, "%q was refused and is in the log", l.Text)
		}
	}
}

// judgeLog asks whether a log's order is one that its authors can have seen.
func (v *verdict) judgeLog(room string, log []step, said map[string]*line) {
	var latest *line // of those before, the one that was sent last
	for i, st := range log {
		if i > 0 && !later(st.ID, log[i-1].ID) {
			v.note(&v.Misordered, "%s: %s comes after %s in the log", room, st.ID, log[i-1].ID)
		}
		l := said[st.Text]
		if l == nil || l.Room != room {
			v.note(&v.Forged, "%s: nobody said %q", room, st.Text)
			continue
		}
		if latest != nil && !l.Acked.IsZero() && l.Acked.Before(latest.Sent) {
			v.note(&v.Misordered, "%s: %q was acknowledged before %q was sent, and comes after it", room, l.Text, latest.Text)
		}
		if latest == nil || l.Sent.After(latest.Sent) {
			latest = l
		}
	}
}

// judgeScreen asks whether a reader was shown its part of the log. A reset
// begins its screen anew; what was shown before a damaged log was mended need
// not be in it.
func (v *verdict) judgeScreen(who, room string, s *screen, h history, said map[string]*line) {
	log := h.Log[room]
	place := map[string]int{}
	for i, st := range log {
		place[st.ID] = i
	}
	since, all := s.Opened, s.All
	var shown []step
	for _, st := range s.Steps {
		switch {
		case st.Reset && (st.Room == "" || st.Room == room):
			v.judgePart(who, shown, place, log, !h.Mended.IsZero())
			shown, since, all = nil, st.At, false
		case st.Room == room && !st.Reset:
			shown = append(shown, st)
		}
	}
	seen := v.judgePart(who, shown, place, log, false)
	from := 0
	if !all {
		from = slices.IndexFunc(log, func(st step) bool {
			l := said[st.Text]
			return seen[st.ID] || (l != nil && l.Sent.After(since) && !since.IsZero())
		})
		if from < 0 {
			from = len(log)
		}
	}
	for _, st := range log[from:] {
		if !seen[st.ID] {
			v.note(&v.Lost, "%s: was not shown %s %q", who, st.ID, st.Text)
		}
	}
}

// judgePart asks whether what was shown between two resets rises and is in the
// log. It returns what was seen.
func (v *verdict) judgePart(who string, shown []step, place map[string]int, log []step, damaged bool) map[string]bool {
	seen := map[string]bool{}
	last := ""
	for _, st := range shown {
		i, there := place[st.ID]
		switch {
		case seen[st.ID]:
			v.note(&v.Doubled, "%s: was shown %s twice", who, st.ID)
		case last != "" && !later(st.ID, last):
			v.note(&v.Misordered, "%s: was shown %s after %s", who, st.ID, last)
		case !there && !damaged:
			v.note(&v.Forged, "%s: was shown %s %q, which is not in the log", who, st.ID, st.Text)
		case there && log[i].Text != st.Text:
			v.note(&v.Forged, "%s: was shown %s as %q, the log has %q", who, st.ID, st.Text, log[i].Text)
		}
		seen[st.ID] = true
		last = st.ID
	}
	return seen
}

// later reports whether one id comes after another.
func later(a, b string) bool {
	am, as := parts(a)
	bm, bs := parts(b)
	return am > bm || (am == bm && as > bs)
}

func parts(id string) (ms, seq uint64) {
	m, s, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(m, 10, 64)
	seq, _ = strconv.ParseUint(s, 10, 64)
	return ms, seq
}

// aHistory is a good one: three lines in a room, the second never answered,
// for a reader from the beginning and one that came after the first line.
func aHistory() history {
	at := func(n int) time.Time { return time.Unix(1000, 0).Add(time.Duration(n) * time.Second) }
	log := []step{
		{Room: "a", ID: "1-0", Text: "one", At: at(2)},
		{Room: "a", ID: "1-1", Text: "two", At: at(5)},
		{Room: "a", ID: "2-0", Text: "three", At: at(8)},
	}
	return history{
		Lines: []*line{
			{Room: "a", Text: "one", Sent: at(1), Acked: at(2), IDs: []string{"1-0", "1-0"}},
			{Room: "a", Text: "two", Sent: at(4)},
			{Room: "a", Text: "three", Sent: at(7), Acked: at(8), IDs: []string{"2-0"}},
			{Room: "a", Text: "never", Sent: at(8)},
			{Room: "a", Text: "no", Sent: at(9), Refused: true},
		},
		Screens: []*screen{
			{Rooms: []string{"a"}, All: true, Opened: at(0), Steps: slices.Clone(log)},
			{Rooms: []string{"a", "b"}, Opened: at(3), Steps: slices.Clone(log[1:])},
		},
		Log: map[string][]step{"a": log, "b": nil},
	}
}

func TestCheckerAcceptsWhatMayBe(t *testing.T) {
	for name, change := range map[string]func(*history){
		"as it is":                      func(h *history) {},
		"unanswered line, for nobody":   func(h *history) { h.drop(1); h.Screens[0].cut(1); h.Screens[1].cut(0) },
		"reader that came after all":    func(h *history) { h.Screens[1].Steps, h.Screens[1].Opened = nil, h.Lines[4].Sent },
		"reader that never got a place": func(h *history) { h.Screens[1].Steps, h.Screens[1].Opened = nil, time.Time{} },
		"key that a damaged log forgot": func(h *history) {
			h.Mended = h.Lines[2].Sent
			h.Lines[0].IDs = []string{"0-9", "1-0"}
		},
		"damaged log, and a reset": func(h *history) {
			h.Mended = h.Lines[2].Sent
			h.drop(0)
			for _, s := range h.Screens {
				s.Steps = append(s.Steps[:len(s.Steps)-1], step{Room: "a", Reset: true, At: h.Mended}, h.Log["a"][0], h.Log["a"][1])
			}
		},
	} {
		h := aHistory()
		change(&h)
		if v := judge(h); v.bad() > 0 {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestCheckerFindsEachBrokenRule(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*history)
		want   func(verdict) int
	}{
		"acknowledged line not in the log":   {func(h *history) { h.drop(0); h.Screens[0].cut(0) }, lost},
		"lost on one screen":                 {func(h *history) { h.Screens[0].cut(0) }, lost},
		"lost at the end of a screen":        {func(h *history) { h.Screens[1].cut(1) }, lost},
		"lost for one who came late":         {func(h *history) { h.Screens[1].cut(0) }, lost},
		"lost for one who was shown nothing": {func(h *history) { h.Screens[1].Steps = nil }, lost},
		"unanswered line, not for everybody": {func(h *history) { h.Screens[0].cut(1) }, lost},
		"lost after a reset": {func(h *history) {
			h.Screens[0].Steps = append(h.Screens[0].Steps[:2], step{Reset: true, At: h.Lines[1].Sent})
		}, lost},
		"lost after the log was mended": {func(h *history) { h.Mended = h.Lines[1].Sent; h.drop(2); h.Screens[0].cut(2); h.Screens[1].cut(1) }, lost},
		"doubled on a screen":           {func(h *history) { h.Screens[0].repeat(0) }, doubled},
		"doubled across a reconnect":    {func(h *history) { h.Screens[0].repeat(2) }, doubled},
		"doubled in the log": {func(h *history) {
			again := step{Room: "a", ID: "3-0", Text: "one"}
			h.Log["a"] = append(h.Log["a"], again)
			for _, s := range h.Screens {
				s.Steps = append(s.Steps, again)
			}
		}, doubled},
		"repeat under a key gave a second id": {func(h *history) { h.Lines[0].IDs = []string{"1-0", "1-7"} }, doubled},
		"acknowledged under another id":       {func(h *history) { h.Lines[0].IDs = []string{"1-7"} }, doubled},
		"another order on one screen":         {func(h *history) { h.Screens[0].swap(0, 1) }, misordered},
		"log whose ids do not rise":           {func(h *history) { l := h.Log["a"]; l[0], l[1] = l[1], l[0] }, misordered},
		"log against real time": {func(h *history) {
			h.Lines[0].Sent, h.Lines[2].Acked = h.Lines[2].Sent.Add(9*time.Second), h.Lines[2].Sent.Add(8*time.Second)
		}, misordered},
		"line that nobody said":     {func(h *history) { h.Lines = h.Lines[1:] }, forged},
		"line in the wrong room":    {func(h *history) { h.Lines[0].Room = "b" }, forged},
		"refused line in the log":   {func(h *history) { h.Lines[1].Refused = true }, forged},
		"line shown and taken back": {func(h *history) { h.drop(1); h.Screens[1].cut(0) }, forged},
		"one id with two texts":     {func(h *history) { h.Screens[0].Steps[0].Text = "other" }, forged},
		"reset that is only counted": {func(h *history) {
			h.Screens[1].Steps = slices.Insert(h.Screens[1].Steps, 0, step{Reset: true, At: h.Screens[1].Opened})
		}, func(v verdict) int { return v.Resets }},
		"damage excuses one part only": {func(h *history) {
			h.Mended = h.Lines[2].Sent
			h.drop(0) // and nobody was told by a reset
		}, forged},
	} {
		h := aHistory()
		tt.change(&h)
		if v := judge(h); tt.want(v) == 0 {
			t.Errorf("%s: not found: %+v", name, v)
		}
	}
}

func lost(v verdict) int       { return v.Lost }
func doubled(v verdict) int    { return v.Doubled }
func misordered(v verdict) int { return v.Misordered }
func forged(v verdict) int     { return v.Forged }

func (h *history) drop(i int)   { h.Log["a"] = slices.Delete(slices.Clone(h.Log["a"]), i, i+1) }
func (s *screen) cut(i int)     { s.Steps = slices.Delete(s.Steps, i, i+1) }
func (s *screen) repeat(i int)  { s.Steps = append(s.Steps, s.Steps[i]) }
func (s *screen) swap(i, j int) { s.Steps[i], s.Steps[j] = s.Steps[j], s.Steps[i] }
