//go:build clients

package clients_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

// The official tests for servers of Durable Streams that are not picked, by a
// part of their names. All that concern reading are.
var notPicked = []struct{ name, why string }{
	{"Fork - ", "a room is not made from a part of another"},
	{"Stream Closure", "a room has no end: it may be locked, and opened again"},
	{"TTL", "how long lines are kept is a setting of the room and of the server, not of a request"},
	{"Reserved subscription APIs", "the suite itself leaves these out, unless a server says that it calls webhooks"},
	{"stale epoch", "the state of a producer is not kept: its key makes a post idempotent, and fences nobody off"},
	{"epoch increase with seq", "as stale epoch"},
	{"epoch rollback", "as stale epoch"},
	{"split-brain fencing", "as stale epoch"},
	{"reject sequence gap", "as stale epoch"},
	{"return highest accepted seq", "as stale epoch"},
	{"204 even with Stream-Seq", "Stream-Seq is the shim's: a room takes posts in the order in which they come"},
}

// picked is how many tests of the suite are run at least, so that none is lost
// without a word.
const picked = 180

// The official suite passes, but for what a room is not made for. What it writes
// goes through a shim, what it reads comes as the server sends it. It needs npm:
// go test -tags clients.
func TestDurableStreamsSuite(t *testing.T) {
	dir := npm(t, "suite")
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0", "STREAMS_PER_ADDRESS=0", "STREAMS_PER_USER=0", "ALLOWED_ORIGINS=https://example.com")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var left []string
	for _, not := range notPicked {
		left = append(left, regexp.QuoteMeta(not.name))
	}
	cmd := exec.CommandContext(ctx, filepath.Join("node_modules", ".bin", "vitest"), "run", "suite.test.mjs", "--testTimeout", "40000",
		"--reporter", "json", "--outputFile", "out.json", "-t", "^(?!.*("+strings.Join(left, "|")+"))")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SHIM="+shim(t, dir, s.URL))
	said, _ := cmd.CombinedOutput() // it fails where a test does
	text, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	checkSuite(t, text)
}

// checkSuite looks at the report of the suite.
func checkSuite(t *testing.T, report []byte) {
	t.Helper()
	var all struct {
		TestResults []struct {
			AssertionResults []struct {
				FullName, Status string
				FailureMessages  []string
			}
		}
	}
	if err := json.Unmarshal(report, &all); err != nil || len(all.TestResults) != 1 {
		t.Fatalf("%v\n%s", err, report)
	}
	passed, left := 0, map[string]int{}
	for _, test := range all.TestResults[0].AssertionResults {
		switch test.Status {
		case "passed":
			passed++
		case "failed":
			t.Errorf("%s: %.300s", test.FullName, strings.Join(test.FailureMessages, "\n"))
		default:
			left[reason(test.FullName)]++
		}
	}
	t.Logf("%d tests of the suite passed, not picked: %v", passed, left)
	if passed < picked {
		t.Errorf("%d tests passed, want %d", passed, picked)
	}
	for _, not := range notPicked {
		if left[not.name] == 0 {
			t.Errorf("no test has %q in its name any more", not.name)
		}
	}
	if left[""] > 0 {
		t.Errorf("%d tests were left out without a reason", left[""])
	}
}

// reason is the part of a test's name for which it is not picked, if it has one.
func reason(name string) string {
	for _, not := range notPicked {
		if strings.Contains(name, not.name) {
			return not.name
		}
	}
	return ""
}

// shim runs the shim and returns its address.
func shim(t *testing.T, dir, base string) string {
	t.Helper()
	cmd := exec.Command("node", "shim.mjs", base, bearer(t, base))
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	testenv.EndsWithTest(cmd)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(addr)
}
