package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"confab/shared/identity"
)

type description struct {
	Paths map[string]map[string]json.RawMessage
}

func readDescription(t *testing.T) (d description) {
	t.Helper()
	file, err := os.ReadFile("../../public/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var methods = []string{"get", "head", "post", "put", "patch", "delete"}

// A route that a handler is put under, by the source. The page's own files
// are no part of the description.
var routePattern = regexp.MustCompile(`mux\.Handle\("([A-Z]+) (/[^"]*)",`)

func TestDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	d := readDescription(t)
	var described []string
	for path, ops := range d.Paths {
		for method, op := range ops {
			if !slices.Contains(methods, method) {
				continue
			}
			described = append(described, strings.ToUpper(method)+" "+path)
			l.walk(t, strings.ToUpper(method), path, op)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range routePattern.FindAllStringSubmatch(string(source), -1) {
			if m[2] != "/" && m[2] != "/{$}" && !strings.HasSuffix(file, "_test.go") {
				routes = append(routes, m[1]+" "+m[2])
			}
		}
	}
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described are\n%q, served are\n%q", described, routes)
	}
}

// walk asks the server for a described route: what it answers must be there,
// and a status that the description knows.
func (l *liveServer) walk(t *testing.T, method, path string, described json.RawMessage) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address := strings.NewReplacer("{room}", "lobby", "{id}", "1-0", "{emoji}", "👍", "{user}", "u_x", "{invite}", "x", "{token}", "x").Replace(path)
	req, err := http.NewRequestWithContext(ctx, method, l.URL+address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = l.head(t, identity.NewUser("Ann"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var op struct {
		Responses map[string]json.RawMessage
	}
	if err := json.Unmarshal(described, &op); err != nil {
		t.Fatal(err)
	}
	code := res.Status[:3]
	if _, known := op.Responses[code]; !known && (res.StatusCode != 422 || method == "GET") && res.StatusCode != 404 {
		t.Errorf("%s %s answers %s, which is not described", method, path, res.Status)
	}
	if res.StatusCode == 404 || res.StatusCode == 405 {
		var p struct{ Detail string }
		_ = json.NewDecoder(res.Body).Decode(&p)
		if strings.Contains(p.Detail, "at this address") || res.StatusCode == 405 {
			t.Errorf("%s %s is described and not served: %s", method, path, res.Status)
		}
	}
}
