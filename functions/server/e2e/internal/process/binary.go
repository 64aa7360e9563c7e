package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"confab/shared/testenv"
)

// Main runs a package's tests, four at once: most of them wait for something.
// It returns the exit code.
func Main(m *testing.M) int {
	testenv.Parallel(4)
	return m.Run()
}

// Binary is the server as `make build` makes it, with the race detector if
// the tests have it.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// built builds the server into build/e2e, each package of tests its own: a
// binary that is there and up to date is not linked again.
var built = sync.OnceValues(func() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	if err := readSources(root); err != nil {
		return "", err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "build", "e2e", filepath.Base(dir), "confab")
	args := []string{"build", "-o", path}
	if Race {
		path += "-race"
		args = []string{"build", "-race", "-o", path}
	}
	cmd := exec.Command("go", append(args, "./functions/server")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, nil
})

// readSources looks at each file that the server is made of. It does so for
// the go command alone: it caches the result of a test until a file changes
// that the test looked at, and does not see what another process reads.
func readSources(root string) error {
	for _, dir := range []string{"functions/server", "shared", "public", "go.mod", "go.sum"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Root is the folder of the module.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above the tests")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
