package hub_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"confab/shared/testenv"
)

// Locks are taken in the order that the package comment lists, in every path
// through the package's functions, and none is held over a call of the log.
func TestLocksAreTakenInTheOrderOfThePackageComment(t *testing.T) {
	t.Parallel()
	c := loadLockChecker(t)
	if len(c.order) < 2 {
		t.Fatalf("the package comment lists %v", c.order)
	}
	for _, problem := range c.check() {
		t.Error(problem)
	}
	for lock := range c.seen {
		if !slices.Contains(c.order, lock) {
			t.Errorf("%s is not in the package comment", lock)
		}
	}
}

// A lockChecker knows what each function of the package locks and calls.
type lockChecker struct {
	fset  *token.FileSet
	pkg   *types.Package
	info  *types.Info
	order []string
	funcs map[types.Object]*lockUse
	seen  map[string]bool
}

// A lockUse is what one function does, and the locks that it holds then.
type lockUse struct {
	locks    map[string]bool // taken here or in what is called
	acquires []lockSite
	calls    []lockSite
}

type lockSite struct {
	pos  token.Pos
	held []string
	lock string         // taken, or
	to   []types.Object // called
	log  bool           // a call of the log
}

func loadLockChecker(t *testing.T) *lockChecker {
	t.Helper()
	dir, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &lockChecker{
		fset: token.NewFileSet(), funcs: map[types.Object]*lockUse{}, seen: map[string]bool{},
		info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}},
	}
	var files []*ast.File
	for _, name := range dir.GoFiles {
		f, err := parser.ParseFile(c.fset, filepath.Join(".", name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, m := range regexp.MustCompile(`(?m)^\t(\w+\.\w+)\s`).FindAllStringSubmatch(f.Doc.Text(), -1) {
			c.order = append(c.order, m[1])
		}
	}
	conf := types.Config{Importer: importer.ForCompiler(c.fset, "gc", exported(t))}
	if c.pkg, err = conf.Check("hub", c.fset, files, c.info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				use := &lockUse{locks: map[string]bool{}}
				c.funcs[c.info.Defs[fn.Name]] = use
				c.block(use, fn.Body.List, nil)
			}
		}
	}
	return c
}

// exported finds what the compiler said of the packages that this one imports,
// which it has compiled for this test. To read their sources instead takes 8 s.
func exported(t *testing.T) importer.Lookup {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	list, err := exec.Command(testenv.Need(t, "go"), args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(list)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
}

// check returns the places where the order is broken.
func (c *lockChecker) check() (problems []string) {
	for grew := true; grew; {
		grew = false
		for _, use := range c.funcs {
			before := len(use.locks)
			for _, site := range use.calls {
				for _, to := range site.to {
					maps.Copy(use.locks, c.funcs[to].locks)
				}
			}
			grew = grew || len(use.locks) > before
		}
	}
	for _, use := range c.funcs {
		for _, site := range slices.Concat(use.acquires, use.calls) {
			taken := map[string]bool{site.lock: site.lock != ""}
			for _, to := range site.to {
				maps.Copy(taken, c.funcs[to].locks)
			}
			for _, held := range site.held {
				if site.log {
					problems = append(problems, fmt.Sprintf("%s: the log is called with %s held", c.fset.Position(site.pos), held))
				}
				for lock, ok := range taken {
					if ok && slices.Index(c.order, lock) <= slices.Index(c.order, held) {
						problems = append(problems, fmt.Sprintf("%s: %s is taken with %s held", c.fset.Position(site.pos), lock, held))
					}
				}
			}
		}
	}
	return problems
}

// block walks statements in their order and returns the locks held after them.
func (c *lockChecker) block(use *lockUse, list []ast.Stmt, held []string) []string {
	for _, s := range list {
		held = c.stmt(use, s, held)
	}
	return held
}

// stmt walks a statement. What a branch that returns does to the locks does not
// count after it.
func (c *lockChecker) stmt(use *lockUse, s ast.Stmt, held []string) []string {
	branch := func(body []ast.Stmt) {
		after := c.block(use, body, held)
		if n := len(body); n > 0 {
			switch body[n-1].(type) {
			case *ast.ReturnStmt, *ast.BranchStmt:
				return
			}
		}
		held = after
	}
	switch s := s.(type) {
	case nil:
	case *ast.BlockStmt:
		held = c.block(use, s.List, held)
	case *ast.IfStmt:
		held = c.stmt(use, s.Init, held)
		held = c.expr(use, s.Cond, held)
		branch(s.Body.List)
		held = c.stmt(use, s.Else, held)
	case *ast.ForStmt:
		held = c.stmt(use, s.Init, held)
		held = c.expr(use, s.Cond, held)
		branch(s.Body.List)
	case *ast.RangeStmt:
		held = c.expr(use, s.X, held)
		branch(s.Body.List)
	case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		ast.Inspect(s, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CaseClause:
				branch(n.Body)
				return false
			case *ast.CommClause:
				branch(n.Body)
				return false
			}
			return true
		})
	case *ast.DeferStmt: // what is unlocked then is held until then
		if _, unlocks := c.lockCall(s.Call, "Unlock"); !unlocks {
			held = c.expr(use, s.Call, held)
		}
	case *ast.GoStmt:
		c.expr(use, s.Call, nil)
	default:
		held = c.expr(use, s, held)
	}
	return held
}

// expr walks the calls in an expression, or in a simple statement.
func (c *lockChecker) expr(use *lockUse, n ast.Node, held []string) []string {
	if n == nil {
		return held
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			c.block(use, n.Body.List, held)
			return false
		case *ast.CallExpr:
			held = c.call(use, n, held)
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Go" || sel.Sel.Name == "AfterFunc") {
				for _, arg := range n.Args {
					c.expr(use, arg, nil) // runs by itself
				}
				return false
			}
		}
		return true
	})
	return held
}

func (c *lockChecker) call(use *lockUse, call *ast.CallExpr, held []string) []string {
	if lock, ok := c.lockCall(call, "Lock"); ok {
		use.acquires = append(use.acquires, lockSite{pos: call.Pos(), held: slices.Clone(held), lock: lock})
		use.locks[lock], c.seen[lock] = true, true
		return append(slices.Clone(held), lock)
	}
	if lock, ok := c.lockCall(call, "Unlock"); ok {
		return slices.DeleteFunc(slices.Clone(held), func(l string) bool { return l == lock })
	}
	site := lockSite{pos: call.Pos(), held: slices.Clone(held)}
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		site.to = c.targets(c.info.Uses[fun])
	case *ast.SelectorExpr:
		site.to = c.targets(c.info.Uses[fun.Sel])
		site.log = strings.HasSuffix(types.TypeString(c.info.Types[fun.X].Type, nil), "hub.Log")
	}
	if len(site.to) > 0 || site.log {
		use.calls = append(use.calls, site)
	}
	return held
}

// targets are the functions of the package that a call may reach: of an
// interface's method, those of all types.
func (c *lockChecker) targets(called types.Object) (to []types.Object) {
	fn, ok := called.(*types.Func)
	if !ok {
		return nil
	}
	if recv := fn.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
		for obj := range c.funcs {
			if m := obj.(*types.Func); m.Name() == fn.Name() && m.Signature().Recv() != nil {
				to = append(to, obj)
			}
		}
		return to
	}
	if fn.Pkg() == c.pkg {
		if c.funcs[fn] == nil { // it is declared further down
			c.funcs[fn] = &lockUse{locks: map[string]bool{}}
		}
		to = append(to, fn)
	}
	return to
}

// lockCall returns the mutex of a call like x.mu.Lock(), as "type.field".
func (c *lockChecker) lockCall(call *ast.CallExpr, method string) (lock string, ok bool) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != method {
		return "", false
	}
	field, ok := fun.X.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	owner := c.info.Types[field.X].Type
	if p, ok := owner.(*types.Pointer); ok {
		owner = p.Elem()
	}
	named, ok := owner.(*types.Named)
	if !ok {
		return "", false
	}
	return named.Obj().Name() + "." + field.Sel.Name, true
}
