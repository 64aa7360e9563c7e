package web_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"confab/shared/chat"
)

// The page's types name the kinds of the table, no more and no fewer; its
// compiler then finds what does not know of a new one.
func TestPageKnowsTheKinds(t *testing.T) {
	source, err := os.ReadFile("../../public/js/chat.js")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`@property \{([^}]*'message'[^}]*)\} kind`).FindSubmatch(source)
	if line == nil {
		t.Fatal("chat.js names no kinds")
	}
	var got, want []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(line[1], -1) {
		got = append(got, string(m[1]))
	}
	for _, rule := range chat.Kinds {
		want = append(want, string(rule.Kind))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the page knows %q, the table %q", got, want)
	}
}
