package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// ask runs the command and returns what it wrote, and its exit code.
func ask(t *testing.T, args ...string) (out, failed string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = command(t.Context(), args, console{out: &o, err: &e})
	return o.String(), e.String(), code
}

func TestUnknownVerbNamesTheNearestAndServesNothing(t *testing.T) {
	for word, want := range map[string]string{
		"docter": "doctor", "serv": "serve", "-version": "version", "hepl": "help", "https://chat.example.org": "",
	} {
		out, failed, code := ask(t, word, "https://chat.example.org")
		if code != exitUsage || out != "" || !strings.Contains(failed, want) || strings.Count(failed, "\n") != 1 {
			t.Errorf("confab %s: exit %d, %q, %q", word, code, out, failed)
		}
	}
}

func TestHelpNamesEveryVerb(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}} {
		out, failed, code := ask(t, args...)
		for _, v := range verbs() {
			if !strings.Contains(out, "confab "+v.name) || !strings.Contains(out, v.does) {
				t.Errorf("confab %v does not say what %s does: %q", args, v.name, out)
			}
		}
		if code != 0 || failed != "" {
			t.Errorf("confab %v: exit %d, %q", args, code, failed)
		}
	}
}

func TestEveryVerbTellsItsUsage(t *testing.T) {
	for _, v := range verbs() {
		for _, args := range [][]string{append(strings.Fields(v.name), "--help"), append([]string{"help"}, strings.Fields(v.name)...)} {
			if out, failed, code := ask(t, args...); code != 0 || failed != "" || !strings.Contains(out, v.does) {
				t.Errorf("confab %v: exit %d, %q, %q", args, code, out, failed)
			}
		}
	}
	if _, _, code := ask(t, "help", "nothing"); code != exitUsage {
		t.Errorf("help for a verb that is not there: exit %d", code)
	}
}

func TestVerbsWithoutArgumentsRefuseThem(t *testing.T) {
	for _, args := range [][]string{{"serve", "8080"}, {"version", "now"}, {"doctor"}, {"doctor", "nowhere"}} {
		if _, failed, code := ask(t, args...); code != exitUsage || failed == "" {
			t.Errorf("confab %v: exit %d, %q", args, code, failed)
		}
	}
}

func TestVersionNamesTheBuild(t *testing.T) {
	if out, _, code := ask(t, "version"); code != 0 || !strings.HasPrefix(out, "confab ") || !strings.Contains(out, runtime.Version()) {
		t.Errorf("exit %d, %q", code, out)
	}
}
