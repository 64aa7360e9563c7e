//go:build clients

// Package generated_test makes clients from public/openapi.json by three
// generators that others wrote, compiles them, and has each of them log in,
// post, read, edit and delete on a running server.
package generated_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

// The generators, pinned: a new version is tried on purpose.
const (
	oapiCodegen  = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
	pythonClient = "openapi-python-client==0.29.1"
)

func TestGeneratedClientsWork(t *testing.T) {
	s := process.Start(t)
	description, err := filepath.Abs("../../../../public/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(*workshop){
		"oapi-codegen": useGo, "openapi-fetch": useTypeScript, "openapi-python-client": usePython,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use(&workshop{t, t.TempDir(), description, s.URL})
		})
	}
}

// A workshop is a folder in which one client is made.
type workshop struct {
	*testing.T
	dir, description, url string
}

func (w *workshop) files(of string) {
	w.Helper()
	if err := os.CopyFS(w.dir, os.DirFS(filepath.Join("testdata", of))); err != nil {
		w.Fatal(err)
	}
}

// run runs a command in the folder and returns what it printed.
func (w *workshop) run(name string, args ...string) string {
	w.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "PYTHONPATH="+filepath.Join(w.dir, "made"),
		"PATH="+filepath.Join(w.dir, "venv", "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// works reports a client that did not get to its end.
func (w *workshop) works(out string) {
	w.Helper()
	if strings.TrimSpace(out) != "ok" {
		w.Errorf("the client printed %q", out)
	}
}

func useGo(w *workshop) {
	w.files("go")
	w.run("go", "run", oapiCodegen, "-generate", "types,client", "-package", "client", "-o", "client.go", w.description)
	if err := os.MkdirAll(filepath.Join(w.dir, "client"), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.Rename(filepath.Join(w.dir, "client.go"), filepath.Join(w.dir, "client", "client.go")); err != nil {
		w.Fatal(err)
	}
	w.run("go", "mod", "tidy")
	w.run("go", "vet", "./...")
	w.works(w.run("go", "run", ".", w.url))
}

func useTypeScript(w *workshop) {
	testenv.Need(w, "npm")
	w.files("typescript")
	w.run("npm", "install", "--no-audit", "--no-fund", "--silent")
	w.run("npx", "openapi-typescript", w.description, "-o", "confab.d.ts")
	w.run("npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022", "--types", "node", "use.ts")
	w.run("npx", "esbuild", "use.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=use.mjs", "--log-level=error")
	w.works(w.run("node", "use.mjs", w.url))
}

func usePython(w *workshop) {
	testenv.Need(w, "python3")
	w.files("python")
	w.run("python3", "-m", "venv", "venv")
	w.run(filepath.Join(w.dir, "venv", "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", pythonClient)
	w.run(filepath.Join(w.dir, "venv", "bin", "openapi-python-client"), "generate", "--path", w.description, "--output-path", "made")
	w.works(w.run(filepath.Join(w.dir, "venv", "bin", "python"), "use.py", w.url))
}
