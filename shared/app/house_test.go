package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house: which package of ours each package may import, besides those of
// its own folder. Imports go one way: functions → app → {store, hub, outbox,
// files, presence, web → account, identity} → {access, limit, sse} → chat.
// Tests may reach further.
var house = map[string][]string{
	"shared/chat":            {},
	"shared/access":          {"shared/chat"},
	"shared/limit":           {"shared/chat"},
	"shared/sse":             {"shared/chat"},
	"shared/nickname":        {"shared/chat"},
	"shared/identity":        {"shared/chat"},
	"shared/account":         {"shared/access", "shared/chat", "shared/identity", "shared/limit", "shared/nickname"},
	"shared/account/oidc":    {"shared/chat", "shared/identity"},
	"shared/account/passkey": {"shared/chat", "shared/identity"},
	"shared/account/site":    {"shared/chat", "shared/identity"},
	"shared/presence":        {"shared/access", "shared/chat", "shared/limit"},
	"shared/files":           {"shared/access", "shared/chat", "shared/limit"},
	"shared/outbox":          {"shared/access", "shared/chat", "shared/limit"},
	"shared/hub":             {"shared/access", "shared/chat", "shared/limit", "shared/sse"},
	"shared/store":           {"shared/access", "shared/chat", "shared/limit"},
	"shared/store/redis":     {"shared/access", "shared/chat", "shared/limit", "shared/store"},
	"shared/store/bolt":      {"shared/access", "shared/chat", "shared/limit", "shared/store"},
	"shared/store/storetest": {"shared/chat", "shared/store"},
	"shared/web": {"shared/access", "shared/account", "shared/chat", "shared/hub", "shared/identity", "shared/limit",
		"shared/nickname", "shared/presence", "shared/sse", "shared/web/markup"},
	"shared/web/compress":  {},
	"shared/web/markup":    {},
	"shared/web/websocket": {"shared/web"},
	"shared/app": {"shared/access", "shared/account", "shared/chat", "shared/files", "shared/hub", "shared/identity",
		"shared/limit", "shared/nickname", "shared/outbox", "shared/presence", "shared/store", "shared/web"},
	"shared/testenv": {"shared/sse"},
	"public":         {},
	"functions": {"public", "shared/account", "shared/account/oidc", "shared/account/passkey", "shared/account/site", "shared/app", "shared/chat", "shared/nickname", "shared/sse", "shared/store", "shared/store/bolt",
		"shared/store/redis", "shared/hub", "shared/web", "shared/web/compress", "shared/web/websocket"},
}

// Packages that only one part may know, or two.
var only = map[string]string{
	"github.com/redis/go-redis/v9":       "shared/store/redis",
	"go.etcd.io/bbolt":                   "shared/store/bolt",
	"github.com/aws/aws-lambda-go":       "functions",
	"github.com/akrylysov/algnhsa":       "functions",
	"github.com/golang-jwt/jwt/v5":       "shared/identity shared/account/site",
	"github.com/coder/websocket":         "shared/web/websocket",
	"github.com/caarlos0/env/v11":        "shared/app",
	"golang.org/x/text/secure/precis":    "shared/nickname",
	"github.com/VictoriaMetrics/metrics": "functions",
}

// A source is one Go file of ours.
type source struct {
	path string // from the top, with slashes
	set  *token.FileSet
	file *ast.File
}

func (s source) dir() string { return path.Dir(s.path) }

// ofTests reports whether only tests use the file.
func (s source) ofTests() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "functions/server/e2e/") ||
		strings.HasPrefix(s.path, "functions/internal/lambdatest/") || strings.HasPrefix(s.path, "shared/testenv/") ||
		strings.HasSuffix(s.dir(), "test") // as storetest
}

func (s source) at(p token.Pos) string {
	return s.path + ":" + strconv.Itoa(s.set.Position(p).Line)
}

// sources parses all Go files of ours.
func sources(t *testing.T) (all []source) {
	t.Helper()
	walk(t, func(name string) {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "/testdata/") {
			return
		}
		s := source{path: name, set: token.NewFileSet()}
		var err error
		s.file, err = parser.ParseFile(s.set, filepath.Join("..", "..", name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	})
	if len(all) < 100 {
		t.Fatalf("only %d files were read", len(all))
	}
	return all
}

// walk calls f with the path of each file in the folders of ours.
func walk(t *testing.T, f func(name string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	for _, dir := range []string{"functions", "shared", "public"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(root, name)
			f(filepath.ToSlash(rel))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.ofTests() {
			continue
		}
		for _, im := range s.file.Imports {
			check(t, s.path, part(s.dir()), im.Path.Value)
		}
	}
}

func check(t *testing.T, file, pkg, quoted string) {
	name, _ := strconv.Unquote(quoted)
	allowed, known := house[pkg]
	if !known {
		t.Errorf("%s: package %q has no place in the house", file, pkg)
	}
	if ours, ok := strings.CutPrefix(name, "confab/"); ok {
		if to := part(ours); to != pkg && !slices.Contains(allowed, to) {
			t.Errorf("%s: %s may not import %s", file, pkg, ours)
		}
	}
	for lib, owner := range only {
		if (name == lib || strings.HasPrefix(name, lib+"/")) && !slices.Contains(strings.Fields(owner), pkg) {
			t.Errorf("%s: only %s may import %s", file, owner, lib)
		}
	}
}

// part folds the functions, which may share among themselves, into one.
func part(dir string) string {
	if strings.HasPrefix(dir, "functions/") {
		return "functions"
	}
	return dir
}

func TestTopLevelIsFixed(t *testing.T) {
	want := []string{"Makefile", "README.md", "functions", "go.mod", "go.sum", "public", "shared", "template.yaml"}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && name != "build" && !slices.Contains(want, name) {
			t.Errorf("%s has no place at the top level", name)
		}
	}
}
