package faults_test

import (
	"slices"
	"testing"
	"time"
)

// A denial is that somebody may not do something in a room, for a while.
type denial struct {
	room, user   string
	reads        bool      // they may not read either
	after        string    // the id of the event that denied it
	acked, until time.Time // when that was answered, and before it was asked to be taken back
}

// An admission is one answer of 200 to a stream's request.
type admission struct {
	asked, answered, ended time.Time
}

// A subject is somebody whose rights change.
type subject struct {
	user    string
	lines   []*line // that they said
	screens []*screen
}

// judgeRights finds what was taken from somebody, or shown to them, while it was
// denied: in the log after the event that denied it, and before the other.
func (v *verdict) judgeRights(denials []denial, subjects []subject, log map[string][]step) {
	for _, s := range subjects {
		said := map[string]bool{}
		for _, l := range s.lines {
			said[l.Text] = true
		}
		for _, d := range denials {
			if d.user != s.user {
				continue
			}
			for _, st := range log[d.room] {
				if said[st.Text] && d.covers(st.ID) {
					v.note(&v.Allowed, "%s: %q of %s is in the log as %s, denied from %s to %v", d.room, st.Text, s.user, st.ID, d.after, d.until)
				}
			}
			for _, screen := range s.screens {
				if d.reads && slices.Contains(screen.Rooms, d.room) {
					v.judgeDenied(d, screen)
				}
			}
		}
	}
}

// covers reports whether an event was written while it was denied, as far as is
// known: the engine's clock is ours.
func (d denial) covers(id string) bool {
	ms, _ := parts(id)
	return later(id, d.after) && int64(ms) < d.until.UnixMilli()
}

func (v *verdict) judgeDenied(d denial, s *screen) {
	for _, st := range s.Steps {
		if st.Room == d.room && !st.Reset && later(st.ID, d.after) && st.At.Before(d.until) {
			v.note(&v.Allowed, "%s: %s was shown %s %q, which was said after they lost the right to read", d.room, d.user, st.ID, st.Text)
		}
	}
	for _, a := range s.Admitted {
		if a.asked.After(d.acked) && a.answered.Before(d.until) {
			v.note(&v.Allowed, "%s: %s was let in %v after they lost the right to read", d.room, d.user, a.asked.Sub(d.acked))
		}
	}
}

// longest is how long a stream went on at most after the right was lost, and
// before it was given back.
func longest(denials []denial, subjects []subject) (most time.Duration) {
	for _, s := range subjects {
		for _, d := range denials {
			for _, screen := range s.screens {
				if !d.reads || d.user != s.user || !slices.Contains(screen.Rooms, d.room) {
					continue
				}
				for _, a := range screen.Admitted {
					if a.asked.Before(d.acked) && a.ended.After(d.acked) {
						most = max(most, min(a.ended.Sub(d.acked), d.until.Sub(d.acked)))
					}
				}
			}
		}
	}
	return most
}

// aDenial is a good history of one: eve is denied the room between its first line
// and its last, and says and sees what was before.
func aDenial() ([]denial, []subject, map[string][]step) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	log := []step{
		{Room: "a", ID: "1000-0", Text: "early", At: at(1001)},
		{Room: "a", ID: "3000-0", Text: "of another", At: at(3001)},
		{Room: "a", ID: "6000-0", Text: "late", At: at(6001)},
	}
	s := &screen{Rooms: []string{"a"}, Steps: []step{log[0], log[1], log[2]}}
	s.Steps[1].At = at(5001) // after it was taken back, they read on
	s.Admitted = []admission{{at(500), at(501), at(2100)}, {at(5000), at(5001), at(9000)}}
	return []denial{{room: "a", user: "eve", reads: true, after: "2000-0", acked: at(2001), until: at(4000)}},
		[]subject{{user: "eve", lines: []*line{{Text: "early"}, {Text: "late"}}, screens: []*screen{s}}},
		map[string][]step{"a": log}
}

func TestCheckerKnowsRights(t *testing.T) {
	for name, tt := range map[string]struct {
		change func([]denial, []subject, map[string][]step)
		want   int
	}{
		"as it is": {func([]denial, []subject, map[string][]step) {}, 0},
		"mute, and read on": {func(d []denial, s []subject, _ map[string][]step) {
			d[0].reads = false
			s[0].screens[0].Steps[1].At = d[0].acked
		}, 0},
		"accepted after the ban": {func(d []denial, s []subject, l map[string][]step) { s[0].lines[0].Text = "of another" }, 1},
		"shown after the ban":    {func(d []denial, s []subject, _ map[string][]step) { s[0].screens[0].Steps[1].At = d[0].acked }, 1},
		"shown before it was answered": {func(d []denial, s []subject, _ map[string][]step) {
			s[0].screens[0].Steps[1].At = d[0].acked.Add(-time.Second)
		}, 1},
		"let in after the ban": {func(d []denial, s []subject, _ map[string][]step) {
			s[0].screens[0].Admitted[1] = admission{d[0].acked.Add(1), d[0].acked.Add(2), d[0].acked.Add(3)}
		}, 1},
		"a ban of somebody else is no ban": {func(d []denial, s []subject, _ map[string][]step) {
			d[0].user = "bob"
			s[0].lines[0].Text = "of another"
		}, 0},
	} {
		d, s, log := aDenial()
		tt.change(d, s, log)
		v := &verdict{}
		if v.judgeRights(d, s, log); v.Allowed != tt.want {
			t.Errorf("%s: %d found, want %d: %v", name, v.Allowed, tt.want, v.Notes)
		}
	}
	d, s, _ := aDenial()
	if took := longest(d, s); took != 99*time.Millisecond {
		t.Errorf("the stream went on for %v", took)
	}
}
