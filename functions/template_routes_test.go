package functions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// routes are the patterns that web puts on a mux, by the function that serves
// them, read from its source: a mux does not tell.
func routes(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../shared/web/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			set, ok := d.(*ast.FuncDecl)
			if !ok || set.Recv != nil || !slices.Contains([]string{"Login", "Invites", "Post", "Stream"}, set.Name.Name) {
				continue
			}
			ast.Inspect(set, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Handle" && f.Sel.Name != "HandleFunc" {
					return true
				}
				pattern, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s: a pattern of %s is no literal, so that nothing can be said of it", name, set.Name.Name)
				}
				text, _ := strconv.Unquote(pattern.Value)
				found[set.Name.Name] = append(found[set.Name.Name], text)
				return true
			})
		}
	}
	return found
}

var (
	segment = regexp.MustCompile(`\{[^}+]*\}`)
	rest    = regexp.MustCompile(`\{[^}]*\+\}`)
)

// answers says which function API Gateway gives a request to: that of the most
// specific path, if it has the method.
func (t *template) answers(method, path string) string {
	best, function := "", ""
	for name, r := range t.resources {
		for _, event := range mapOf(at(r, "Properties", "Events")) {
			p, m := at(event, "Properties", "Path").(string), at(event, "Properties", "Method")
			pattern := "^" + segment.ReplaceAllString(rest.ReplaceAllString(p, ".+"), "[^/]+") + "$"
			// A wildcard sorts after all that a path is made of.
			weight := rest.ReplaceAllString(segment.ReplaceAllString(p, "~"), "~~")
			if !regexp.MustCompile(pattern).MatchString(path) || best != "" && weight > best {
				continue
			}
			if weight != best {
				best, function = weight, ""
			}
			if m == method || m == "ANY" {
				function = name
			}
		}
	}
	return function
}

// passes says where CloudFront takes a path, and by which methods.
func (t *template) passes(path string) (origin string, methods []any) {
	config := at(t.resources["Cdn"], "Properties", "DistributionConfig")
	for _, b := range listOf(at(config, "CacheBehaviors")) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(at(b, "PathPattern").(string)), `\*`, ".*")
		if regexp.MustCompile("^" + pattern + "$").MatchString(path) {
			return at(b, "TargetOriginId").(string), listOf(at(b, "AllowedMethods"))
		}
	}
	return at(config, "DefaultCacheBehavior", "TargetOriginId").(string), nil
}

// An error that CloudFront keeps is told to everybody who asks for the same
// path: its key has no cookie and no query.
func TestTemplateHasNoTroubleKeptAtTheEdge(t *testing.T) {
	kept := map[string]any{"404": "10", "414": "10", "500": "10", "501": "10", "502": "10", "503": "10", "504": "10"} // seconds, by default
	for _, e := range listOf(at(deploy(t, nil).resources["Cdn"], "Properties", "DistributionConfig", "CustomErrorResponses")) {
		kept[at(e, "ErrorCode").(string)] = at(e, "ErrorCachingMinTTL")
	}
	for status, seconds := range kept {
		if seconds != "0" {
			t.Errorf("CloudFront keeps a %s for %v s", status, seconds)
		}
	}
}

// live are the routes that may stream. What else is read, the post function
// reads, beside which no listener stands.
var live = []string{"GET /stream", "GET /subscribe", "GET /event_stream", "GET /r/{room}"}

func TestTemplateHasEveryRouteWhereItIsServed(t *testing.T) {
	function, container := deploy(t, nil), deploy(t, map[string]any{"StreamBackend": "container", "StreamImage": "image"})
	all := routes(t)
	if len(all["Login"]) < 3 || len(all["Post"]) < 7 || len(all["Stream"]) < 4 {
		t.Fatalf("routes are not found: %v", all)
	}
	for set, patterns := range all {
		for _, pattern := range patterns {
			method, path, _ := strings.Cut(pattern, " ")
			path = segment.ReplaceAllString(path, "x")
			got := function.answers(method, path)
			want := set + "Function"
			if set == "Invites" {
				want = "LoginFunction" // which has what draws their links
			}
			if quick := set == "Stream" && !slices.Contains(live, pattern); got != want && !(quick && got == "PostFunction") {
				t.Errorf("%s is answered by %q, want %s", pattern, got, want)
			}
			if origin, methods := function.passes(path); origin != "api" || !slices.Contains(methods, any(method)) {
				t.Errorf("%s: CloudFront takes it to %s by %v", pattern, origin, methods)
			}
			if asked := function.answers("OPTIONS", path); asked != "LoginFunction" && asked != "PostFunction" {
				t.Errorf("%s: whether another site's page may is answered by %q", pattern, asked)
			}
			if _, methods := function.passes(path); !slices.Contains(methods, any("OPTIONS")) {
				t.Errorf("%s: CloudFront passes %v", pattern, methods)
			}
			if origin, _ := container.passes(path); set == "Stream" && origin != "container" {
				t.Errorf("%s: CloudFront takes it to %s, want the container", pattern, origin)
			}
		}
	}
	for _, path := range []string{"/", "/index.html", "/css/base.css", "/js/room/room.js", "/sw.js", "/manifest.webmanifest", "/openapi.json"} {
		if origin, _ := function.passes(path); origin != "site" {
			t.Errorf("%s: CloudFront takes it to %s, want the site", path, origin)
		}
	}
}

// An address that neither the site nor a route has is answered by the functions,
// with a page of ours: S3 would send XML.
func TestTemplateAnswersWhatNobodyKnows(t *testing.T) {
	d := deploy(t, nil)
	config := at(d.resources["Cdn"], "Properties", "DistributionConfig")
	group := at(config, "OriginGroups", "Items", 0)
	if id := at(config, "DefaultCacheBehavior", "TargetOriginId"); id != at(group, "Id") {
		t.Fatalf("unknown addresses go to %v, want the group %v", id, at(group, "Id"))
	}
	if first, then := at(group, "Members", "Items", 0, "OriginId"), at(group, "Members", "Items", 1, "OriginId"); first != "bucket" || then != "api" {
		t.Errorf("they are asked of %v, then of %v", first, then)
	}
	for _, missing := range []any{"403", "404"} { // S3 says 403 to whom it may not show a list
		if !slices.Contains(listOf(at(group, "FailoverCriteria", "StatusCodes", "Items")), missing) {
			t.Errorf("a %v of S3 is shown as it is", missing)
		}
	}
	if function := d.answers(http.MethodGet, "/no/such/page"); function != "LoginFunction" {
		t.Errorf("GET /no/such/page is answered by %q", function)
	}
}

// What API Gateway gives to a function, the function serves.
func TestTemplateSendsNothingWhereNobodyAnswers(t *testing.T) {
	all := routes(t)
	serves := map[string][]string{ // as the functions' mains put them together
		"LoginFunction":  slices.Concat(all["Login"], all["Invites"], []string{"GET /{$}"}),
		"PostFunction":   slices.Concat(all["Post"], all["Stream"]),
		"StreamFunction": slices.Concat(all["Post"], all["Stream"]),
	}
	for name, r := range deploy(t, nil).resources {
		mux := http.NewServeMux()
		mux.Handle("OPTIONS /", http.NotFoundHandler()) // preflights, whatever the path
		for _, pattern := range serves[name] {
			mux.Handle(pattern, http.NotFoundHandler())
		}
		for _, event := range mapOf(at(r, "Properties", "Events")) {
			path := segment.ReplaceAllString(at(event, "Properties", "Path").(string), "x")
			methods := []string{at(event, "Properties", "Method").(string)}
			if methods[0] == "ANY" {
				methods = []string{"GET", "POST", "DELETE"}
			}
			answered := false
			for _, method := range methods {
				for _, below := range []string{"x", "people", "typing", "x/reactions/x"} {
					_, pattern := mux.Handler(httptest.NewRequest(method, rest.ReplaceAllString(path, below), nil))
					answered = answered || pattern != ""
				}
			}
			if !answered && path != "/{proxy+}" { // see TestTemplateAnswersWhatNobodyKnows
				t.Errorf("%s gets %v %s, and serves no such route", name, methods, path)
			}
		}
	}
}
