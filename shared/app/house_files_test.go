package app_test

import (
	"bytes"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxLines = 350 // of a file, those of tests too

// Files that are too long and wait to be split. The list only ever shrinks.
var tooLong []string

// What a program writes may have any length.
var generated = regexp.MustCompile(`(?m)^(//|/\*) (Code g|G)enerated `)

func TestFilesAreShort(t *testing.T) {
	walk(t, func(name string) {
		switch filepath.Ext(name) {
		case ".go", ".js", ".css", ".lua", ".html":
		default:
			return
		}
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		n := bytes.Count(b, []byte("\n"))
		listed := slices.Contains(tooLong, name)
		switch {
		case n > maxLines && !listed && !generated.Match(b):
			t.Errorf("%s has %d lines, the most is %d: split it by subject", name, n, maxLines)
		case n <= maxLines && listed:
			t.Errorf("%s is short now: take it from the list", name)
		}
	})
	for _, name := range tooLong {
		if _, err := os.Stat(filepath.Join("..", "..", name)); err != nil {
			t.Errorf("%s is gone: take it from the list", name)
		}
	}
}

// How many calls of time.Sleep tests may have, by file, and what for: a pace, a
// delay, or how long something lasts. What has to have happened is waited for
// by testing/synctest or by a condition (testenv.Await). The list only ever
// shrinks.
var sleeps = map[string]int{
	"functions/server/e2e/internal/network/proxy.go": 1, // it is the delay of a slow network
	"functions/server/e2e/faults/torture_test.go":    1, // a round of load, and what goes wrong, lasts for a while
	"functions/server/e2e/page/rendering_test.go":    1, // the silence that a flood is compared with

	"functions/emulator_test.go":                       1, // between two tries to connect
	"functions/page_test.go":                           1, // the pace of those who speak
	"functions/server/httpserver/listen_linux_test.go": 1, // the pace of a server that accepts slowly
	"shared/web/readers_test.go":                       1, // the pace of polling
	"shared/presence/presence_test.go":                 1, // in a bubble, by way of a helper
	"shared/hub/hub_test.go":                           2, // the pace of the writers
	"shared/hub/reset_test.go":                         2, // a schedule that is drawn at random
	"shared/hub/kinds_test.go":                         1, // a schedule that is drawn at random
	"shared/store/redis/failover_test.go":              1, // between two tries to post
	"shared/store/redis/outage_test.go":                1, // how long a connection is idle
	"shared/store/redis/truth_test.go":                 2, // a schedule that is drawn at random
}

func TestTestsDoNotSleep(t *testing.T) {
	found := map[string]int{}
	for _, s := range sources(t) {
		if !s.ofTests() {
			continue
		}
		n := sleepsIn(s.file)
		if found[s.path] = n; n > sleeps[s.path] {
			t.Errorf("%s calls time.Sleep %d times, the most is %d: run it under testing/synctest, or wait for a condition (testenv.Await)", s.path, n, sleeps[s.path])
		}
	}
	for name, most := range sleeps {
		if found[name] < most {
			t.Errorf("%s calls time.Sleep %d times only: lower its number in the list from %d", name, found[name], most)
		}
	}
}

// sleepsIn counts calls of time.Sleep outside of a synctest bubble, where it
// costs no time and nothing is left to chance. A function whose name ends in
// Bubble runs in one.
func sleepsIn(f *ast.File) (n int) {
	ast.Inspect(f, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			return !strings.HasSuffix(node.Name.Name, "Bubble")
		case *ast.CallExpr:
			switch name(node.Fun) {
			case "synctest.Test":
				return false
			case "time.Sleep":
				n++
			}
		}
		return true
	})
	return n
}

// name is a selector as it is written, as time.Sleep.
func name(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}
