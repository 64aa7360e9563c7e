package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house: which package of ours may import which. Tests may reach further.
var house = map[string][]string{
	"shared/chat":            {},
	"shared/access":          {"shared/chat"},
	"shared/limit":           {},
	"shared/presence":        {"shared/chat"},
	"shared/identity":        {"shared/chat"},
	"shared/nickname":        {"shared/chat"},
	"shared/store":           {"shared/chat"},
	"shared/store/redis":     {"shared/chat", "shared/store"},
	"shared/store/bolt":      {"shared/chat", "shared/store"},
	"shared/store/storetest": {"shared/chat", "shared/store"},
	"shared/hub":             {"shared/chat"},
	"shared/web":             {"shared/access", "shared/chat", "shared/hub", "shared/identity", "shared/limit", "shared/presence"},
	"shared/app":             {"public", "shared/chat", "shared/hub", "shared/identity", "shared/nickname", "shared/store", "shared/web"},
	"shared/testenv":         {},
	"public":                 {},
	"functions":              {"functions", "shared/app", "shared/nickname", "shared/store", "shared/store/bolt", "shared/store/redis", "shared/web"},
}

// Packages that only one part may know.
var only = map[string]string{
	"github.com/redis/go-redis/v9":       "shared/store/redis",
	"github.com/alicebob/miniredis/v2":   "shared/store/redis",
	"go.etcd.io/bbolt":                   "shared/store/bolt",
	"github.com/aws/aws-lambda-go":       "functions",
	"github.com/akrylysov/algnhsa":       "functions",
	"github.com/golang-jwt/jwt/v5":       "shared/identity",
	"github.com/coder/websocket":         "shared/web",
	"github.com/caarlos0/env/v11":        "shared/app",
	"golang.org/x/text/secure/precis":    "shared/nickname",
	"github.com/VictoriaMetrics/metrics": "functions",
}

func TestImportsGoOneWay(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files++
		dir := filepath.ToSlash(filepath.Dir(rel))
		if strings.HasPrefix(dir, "functions/server/e2e/") { // of tests, which may reach further
			return nil
		}
		pkg := part(dir)
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, im := range f.Imports {
			check(t, rel, pkg, im.Path.Value)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files read: %v", files, err)
	}
}

func check(t *testing.T, file, pkg, quoted string) {
	path, _ := strconv.Unquote(quoted)
	allowed, known := house[pkg]
	if !known {
		t.Errorf("%s: package %q has no place in the house", file, pkg)
	}
	if ours, ok := strings.CutPrefix(path, "confab/"); ok && !slices.Contains(allowed, part(ours)) {
		t.Errorf("%s: %s may not import %s", file, pkg, ours)
	}
	for lib, owner := range only {
		if (path == lib || strings.HasPrefix(path, lib+"/")) && pkg != owner {
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
