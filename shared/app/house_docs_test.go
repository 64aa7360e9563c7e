package app_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"confab/shared/app"
)

func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", ".github", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The index has a row for each note of a decision, by its folder.
func TestDecisionsAreIndexed(t *testing.T) {
	notes, rows := map[string]int{}, map[string]int{}
	note := regexp.MustCompile(`(//|--|\*|#).*\bDecision: `)
	walk(t, func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			if note.Match(line) {
				notes[path.Dir(name)]++
			}
		}
	})
	for _, m := range regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\(\.\./\.\./([^)]+)\) \|`).FindAllStringSubmatch(document(t, "docs/decisions.md"), -1) {
		if rows[m[1]]++; m[1] != m[2] {
			t.Errorf("%s leads to %s", m[1], m[2])
		}
	}
	for dir, n := range notes {
		if rows[dir] != n {
			t.Errorf("%s notes %d decisions, .github/docs/decisions.md has %d", dir, n, rows[dir])
		}
		delete(rows, dir)
	}
	for dir := range rows {
		t.Errorf(".github/docs/decisions.md has decisions of %s, which notes none", dir)
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	text := document(t, "docs/running.md")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[app.Config]()) {
		fields := []reflect.StructField{field}
		if field.Type.Kind() == reflect.Struct && field.Tag.Get("env") == "" { // a group of settings
			fields = reflect.VisibleFields(field.Type)
		}
		checkDocumented(t, text, fields)
	}
}

func checkDocumented(t *testing.T, text string, fields []reflect.StructField) {
	t.Helper()
	for _, field := range fields {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name != "" && name != "AWS_SAM_LOCAL" && !strings.Contains(text, "`"+name+"`") {
			t.Errorf(".github/docs/running.md does not name %s", name)
		}
	}
}

// A file that CONTRIBUTING sends its readers to is there.
func TestContributingNamesFilesThatAreThere(t *testing.T) {
	named := regexp.MustCompile("`((?:[\\w.-]+/)+[\\w.-]+\\.\\w+)`").FindAllStringSubmatch(document(t, "CONTRIBUTING.md"), -1)
	if len(named) < 100 {
		t.Fatalf("CONTRIBUTING names %d files", len(named))
	}
	for _, match := range named {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(match[1]))); err != nil {
			t.Errorf("CONTRIBUTING sends to %s, which is not there", match[1])
		}
	}
}
