// Package docs_test runs the commands of README.md and of .github, so that
// what they tell people to type is true.
package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

// Lines that are not run here, by how they begin, and why not.
var notRun = map[string]string{
	"make run":          "serves until somebody stops it: the tests run the same server",
	"make build":        "make test runs it before the tests",
	"make test":         "runs this test",
	"make check":        "make test runs it",
	"make test-cloud":   "CI runs it",
	"make test-clients": "CI runs it",
	"make test-resume":  "a workflow runs it each night",
	"make fuzz":         "a workflow runs it each night",
	"make torture":      "a workflow runs it each night",
	"make vuln":         "a workflow runs it each night",
	"make bench":        "needs two quiet cores",
	"make bench-page":   "needs a quiet machine",
	"make lighthouse":   "asks npm for Lighthouse",
	"make deploy":       "needs an account of AWS",
	"make site":         "needs an account of AWS",
	"make image":        "needs Docker",
	"make local":        "needs SAM and Docker",
	"make functions":    "the tests of the functions run it",
	"docker ":           "needs Docker",
	"aws ":              "needs an account of AWS",
	"go test ":          "is part of make test",
}

// What stands before each block: a curl that follows a stream stops after a
// while, and the doctor looks at silence for a moment only.
const prelude = `set -euo pipefail
curl() {
	local code=0
	command curl -sS --fail-with-body --max-time 3 "$@" || code=$?
	case " $* " in *" -N "*) [ $code -eq 28 ] && return 0 ;; esac
	return $code
}
confab() {
	if [ "$1" = doctor ]; then shift; set -- doctor -idle 1s "$@"; fi
	"$CONFAB" "$@"
}
`

// A block is the commands of one fence in a file.
type block struct {
	file string
	line int
	text string
}

var fence = regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$")

// blocks reads all fences of shell in a file.
func blocks(t *testing.T, file string) (all []block) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllSubmatchIndex(b, -1) {
		indent := string(b[m[2]:m[3]])
		text := strings.ReplaceAll("\n"+string(b[m[4]:m[5]]), "\n"+indent, "\n")
		all = append(all, block{file, bytes.Count(b[:m[0]], []byte("\n")) + 1, strings.Trim(text, "\n") + "\n"})
	}
	return all
}

func files(t *testing.T) (all []string) {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"README.md", ".github/*.md", ".github/docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestCommandsOfTheDocumentsRun(t *testing.T) {
	for _, program := range []string{"bash", "curl", "jq"} {
		testenv.Need(t, program)
	}
	used := map[string]bool{}
	ran := 0
	for _, file := range files(t) {
		for _, b := range blocks(t, file) {
			script := runnable(b.text, used)
			if strings.TrimSpace(script) == "" {
				continue
			}
			ran++
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(b.file), b.line), func(t *testing.T) {
				t.Parallel()
				metrics, data := testenv.FreeAddr(t), "DATA_DIR="+t.TempDir()
				// A server of its own: what one says under a name, another may not.
				s := process.Start(t, data, "METRICS_ADDR="+metrics, "POSTS_PER_SECOND=0", "STREAMS_PER_ADDRESS=0")
				here := strings.NewReplacer("http://localhost:8080", s.URL, "http://127.0.0.1:9090", "http://"+metrics)
				runScript(t, here.Replace(script), data)
			})
		}
	}
	if ran < 8 {
		t.Errorf("only %d blocks were run", ran)
	}
	for begin, why := range notRun {
		if !used[begin] {
			t.Errorf("no document has a command %q any more (%s): take it from the list", begin, why)
		}
	}
}

// runnable is a block without the lines that are not run.
func runnable(text string, used map[string]bool) string {
	var kept []string
	for line := range strings.Lines(text) {
		skip := ""
		for begin := range notRun {
			command := strings.TrimSpace(line) + " "
			if strings.HasPrefix(command, begin) && len(begin) > len(skip) && (strings.HasSuffix(begin, " ") || command[len(begin)] == ' ') {
				skip = begin
			}
		}
		if skip == "" {
			kept = append(kept, line)
		}
		used[skip] = true
	}
	return strings.Join(slices.DeleteFunc(kept, func(line string) bool { return strings.TrimSpace(line) == "" }), "")
}

func runScript(t *testing.T, script string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", prelude+script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(append(os.Environ(), "CONFAB="+process.Binary(t)), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nin\n%s", err, out, script)
	}
}

// A link that leads to a file of ours leads somewhere.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`(?:\]\(|src="|srcset=")([^)"#:]+)(?:#[^)"]*)?[)"]`)
	found := 0
	for _, file := range files(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(b, -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), string(m[1]))); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d links found", found)
	}
}

// README is short enough to be read.
func TestReadmeIsShort(t *testing.T) {
	b, err := os.ReadFile(files(t)[0])
	if n := bytes.Count(b, []byte("\n")); err != nil || n >= 250 {
		t.Errorf("README.md has %d lines, the most is 249: %v", n, err)
	}
}

// A file or a folder that a document names is there.
func TestPathsInTheDocumentsExist(t *testing.T) {
	named := regexp.MustCompile("`((?:shared|functions|public|\\.github|\\.ci)/[^`\\s]*)`")
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(b, -1) {
			found++
			if there, err := filepath.Glob(filepath.Join(root, string(m[1]))); err != nil || len(there) == 0 {
				t.Errorf("%s names %s, which is not there", filepath.Base(file), m[1])
			}
		}
	}
	if found < 25 {
		t.Errorf("only %d paths found", found)
	}
}
