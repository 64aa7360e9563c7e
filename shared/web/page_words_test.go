package web_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"

	"confab/shared/chat"
)

var quoted = regexp.MustCompile(`'(\w+)'`)

// inPage is the part of a module of the page that a pattern's group matches.
func inPage(t *testing.T, module, pattern string) []byte {
	t.Helper()
	source, err := os.ReadFile("../../public/js/" + module)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(source)
	if m == nil {
		t.Fatalf("%s has nothing like %s", module, pattern)
	}
	return m[1]
}

// namesIn are the names in a text that a pattern's group matches, sorted.
func namesIn(text []byte, pattern *regexp.Regexp) (all []string) {
	for _, m := range pattern.FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	slices.Sort(all)
	return all
}

// The page's types name the kinds of the table, no more and no fewer; its
// compiler then finds what does not know of a new one.
func TestPageKnowsTheKinds(t *testing.T) {
	got := namesIn(inPage(t, "chat.js", `@property \{([^}]*'message'[^}]*)\} kind`), quoted)
	var want []string
	for _, rule := range chat.Kinds {
		want = append(want, string(rule.Kind))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the page knows %q, the table %q", got, want)
	}
}

// What the page wants to know of the limits and of the transports is what
// GET /login tells.
func TestPageGoesByWhatTheServerTells(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	res, err := http.Get(l.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	told := decode[struct {
		Limits     map[string]int
		Transports []string
	}](t, res)
	for _, limit := range namesIn(inPage(t, "limits.js", `@typedef \{\{(.*)\}\} Limits`), regexp.MustCompile(`(\w+): number`)) {
		if told.Limits[limit] == 0 {
			t.Errorf("the page goes by the limit %q, which the server does not tell", limit)
		}
	}
	slices.Sort(told.Transports)
	if known := namesIn(inPage(t, "link/transports.js", `ALL = \[(.*)\]`), quoted); !slices.Equal(known, told.Transports) {
		t.Errorf("the page knows the transports %q, the server tells %q", known, told.Transports)
	}
}
