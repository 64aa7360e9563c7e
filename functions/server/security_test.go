package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../.."

// ours calls f with our files of one kind.
func ours(t *testing.T, dir, suffix string, f func(path, text string)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(top, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		f(path, string(b))
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files of %s read: %v", n, dir, err)
	}
}

func TestEachClaimOfSecurityNamesTestsThatExist(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, dir := range []string{"shared", "functions"} {
		ours(t, dir, "_test.go", func(_, text string) {
			for _, m := range declared.FindAllStringSubmatch(text, -1) {
				there[m[1]] = true
			}
		})
	}
	inSuite := regexp.MustCompile(`(?m)^\s*\{"(\w+)", test\w+\},$`) // the contract, which each engine's test runs
	ours(t, filepath.Join("shared", "store", "storetest"), "storetest.go", func(_, text string) {
		for _, m := range inSuite.FindAllStringSubmatch(text, -1) {
			there["Test"+m[1]] = true
		}
	})
	b, err := os.ReadFile(filepath.Join(top, ".github", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if !strings.HasPrefix(cells[0], "V") || !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if len(cells) != 3 || !regexp.MustCompile(`^V\d+\.\d+\.\d+`).MatchString(cells[0]) {
			t.Errorf("not a row: %s", line)
			continue
		}
		for _, name := range strings.Split(strings.TrimSpace(cells[2]), ", ") {
			if !there[name] {
				t.Errorf("%s is proven by %q, which does not exist", cells[0], name)
			}
		}
	}
	if rows < 40 {
		t.Errorf("only %d rows found", rows)
	}
}

// Trusted Types would refuse it in some browsers; here it is refused for all.
func TestPageMakesNoMarkupOfText(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\(['"\x60]|srcdoc|createContextualFragment|setHTMLUnsafe|javascript:`)
	comment := regexp.MustCompile(`(?m)//.*$|/\*(?s:.*?)\*/`)
	ours(t, "public/js", ".js", func(path, text string) {
		if !strings.Contains(path, "/test/") && bad.MatchString(comment.ReplaceAllString(text, "")) {
			t.Errorf("%s has %s", path, bad.FindString(comment.ReplaceAllString(text, "")))
		}
	})
	ours(t, "public", ".html", func(path, text string) {
		for _, tag := range regexp.MustCompile(`<script[^>]*>|<[a-z][^>]*\son[a-z]+=|<[a-z][^>]*\sstyle=|<style`).FindAllString(text, -1) {
			if !strings.Contains(tag, " src=") || !strings.HasPrefix(tag, "<script") {
				t.Errorf("%s has %s", path, tag)
			}
		}
	})
}

func TestImageHoldsTheServerAlone(t *testing.T) {
	b, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(b), "\nFROM scratch\n")
	if last == "" || strings.Contains(last, "FROM") || !regexp.MustCompile(`(?m)^USER [1-9]\d*:[1-9]\d*$`).MatchString(last) || strings.Contains(last, "ADD ") {
		t.Errorf("the image is not from scratch, or is root's:\n%s", last)
	}
}
