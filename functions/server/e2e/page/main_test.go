// Package page_test looks at the page in a Chromium, and at the main of it in a Firefox, in front of servers that
// are processes.
package page_test

import (
	"fmt"
	"os"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "confab")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := process.Main(m)
	closeFirefox()
	os.RemoveAll(dir)
	os.Exit(code)
}
