package app_test

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Words that code, comments, logs and metrics do without, and what they say
// instead. They are pictures, so no part of a name may be one of them.
var pictures = map[string]string{
	"bell": "subscription", "bells": "subscriptions", "desk": "batcher", "tallies": "local counters", "seat": "connection",
	"seats": "connections", "hall": "subscribers", "shout": "text socket", "farewell": "keep-alive grace", "reckoned": "calculated",
	"elect": "choose the tab that leads", "pulse": "heartbeat",
}

// Names that nothing is called by, alone: as parts of a longer name they may
// be plain. Fields, methods, functions, types, and variables of a package, but
// for those of tests.
var retired = map[string]string{
	"copies": "replication", "tally": "counter", "lot": "batch", "lots": "batches", "told": "reported", "links": "connTracker",
	"cut": "end reason", "section": "connGroup", "sit": "add", "hear": "pollLoop", "keep": "tickLoop", "odd": "badCursor",
	"whole": "withoutClientCancel", "muted": "headerRecorder", "turns": "throttle", "known": "sessionCache", "place": "cursorTracker",
	"visit": "subscription", "company": "roomPresence", "mine": "localUser", "hello": "loginRequest", "enter": "sessionUser",
	"sides": "targets", "rows": "workloads", "tell": "deliver", "lettingGo": "closeAfterResponse",
	"knock": "dial", "giveAway": "serveDetached", "calmMonitor": "quietSysmon", "eager": "unboundedWriteConn",
	"ringEvery": "probeInterval", "ringLate": "probeTimeout", "endFor": "SetEndReason", "takes": "CanAdopt",
}

// Modules of the page say what they do, as these did not.
var retiredScripts = []string{"here", "reach", "pulse", "elect", "edges", "arrange", "once", "hearing"}

// Words that no log message has.
var unlogged = regexp.MustCompile(`(?i)\b(bells?|rings?|rang|hear|heard|told|tells?|seats?|desk|tall(y|ies)|knocks?|sits?|leaves|not taken|asking again)\b`)

// Places whose names wait to be mended: a folder of Go, or a file of
// JavaScript. The list only ever shrinks.
var notYetPlain []string

func TestNamesArePlain(t *testing.T) {
	found := map[string]bool{}
	for _, s := range sources(t) {
		complain := func(p token.Pos, what, word, plain string) {
			if found[s.dir()] = true; !slices.Contains(notYetPlain, s.dir()) {
				t.Errorf("%s: %s %q: say %q", s.at(p), what, word, plain)
			}
		}
		for _, id := range declared(s.file) {
			for _, part := range words(id.Name) {
				if plain, ok := pictures[part]; ok {
					complain(id.Pos(), "name", id.Name, plain)
				}
			}
		}
		for _, c := range s.file.Comments {
			for _, word := range strings.FieldsFunc(strings.ToLower(c.Text()), func(r rune) bool { return !unicode.IsLetter(r) }) {
				if plain, ok := pictures[word]; ok {
					complain(c.Pos(), "comment with", word, plain)
				}
			}
		}
		if s.ofTests() {
			continue
		}
		for _, id := range lasting(s.file) {
			if plain, ok := retired[uncapital(id.Name)]; ok {
				complain(id.Pos(), "name", id.Name, plain)
			}
		}
		for _, lit := range logged(s.file) {
			if word := unlogged.FindString(lit.Value); word != "" {
				complain(lit.Pos(), "log message with", word, "what happened, in plain words")
			}
		}
	}
	walk(t, func(name string) {
		if module, ok := strings.CutSuffix(path.Base(name), ".js"); ok && slices.Contains(retiredScripts, module) {
			if found[name] = true; !slices.Contains(notYetPlain, name) {
				t.Errorf("%s is named for a picture: say what it does", name)
			}
		}
	})
	for _, dir := range notYetPlain {
		if !found[dir] {
			t.Errorf("%s is plain now: take it from the list", dir)
		}
	}
}

// Metrics and the board have names of their own.
func TestMetricsArePlain(t *testing.T) {
	metric := regexp.MustCompile(`confab_[a-z_]+`)
	walk(t, func(name string) {
		if ext := filepath.Ext(name); ext != ".go" && ext != ".json" && ext != ".lua" {
			return
		}
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metric.FindAllString(string(b), -1) {
			for _, word := range strings.Split(m, "_") {
				if _, ok := pictures[word]; ok || slices.Contains([]string{"cuts", "silences", "heard", "told", "taken"}, word) {
					t.Errorf("%s: metric %s", name, m)
				}
			}
		}
	})
}

// declared are the identifiers that a file declares, those of a function too.
func declared(f *ast.File) (ids []*ast.Ident) {
	ids = lasting(f)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, x := range n.Lhs {
					if id, ok := x.(*ast.Ident); ok {
						ids = append(ids, id)
					}
				}
			}
		case *ast.Field:
			ids = append(ids, n.Names...)
		case *ast.ValueSpec:
			ids = append(ids, n.Names...)
		}
		return true
	})
	return ids
}

// lasting are the identifiers that a package declares: functions, methods,
// types, their fields and methods, variables and constants.
func lasting(f *ast.File) (ids []*ast.Ident) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			ids = append(ids, d.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					ids = append(ids, spec.Names...)
				case *ast.TypeSpec:
					ids = append(ids, spec.Name)
					ids = append(ids, membersOf(spec.Type)...)
				}
			}
		}
	}
	return ids
}

func membersOf(e ast.Expr) (ids []*ast.Ident) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		ids = append(ids, f.Names...)
	}
	return ids
}

// logged are the messages of log records.
func logged(f *ast.File) (all []*ast.BasicLit) {
	levels := []string{"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "LogAttrs", "Log"}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(levels, sel.Sel.Name) {
			for _, arg := range call.Args[:min(3, len(call.Args))] {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					all = append(all, lit)
					break // what follows are attributes
				}
			}
		}
		return true
	})
	return all
}

// words are the parts of a name in camel case, in lower case.
func words(name string) (all []string) {
	start := 0
	for i, r := range name {
		if i > start && (unicode.IsUpper(r) || r == '_') {
			all = append(all, strings.ToLower(strings.Trim(name[start:i], "_")))
			start = i
		}
	}
	return append(all, strings.ToLower(strings.Trim(name[start:], "_")))
}

func uncapital(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func TestWordsOfANameAreFound(t *testing.T) {
	for name, want := range map[string]string{"ringBell": "ring bell", "Bells": "bells", "bell_gaps": "bell gaps", "belly": "belly", "URL": "u r l"} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("words(%q) = %s, want %s", name, got, strconv.Quote(want))
		}
	}
}
