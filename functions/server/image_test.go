package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The image is this binary, which holds the roots that it trusts. For ARM it is
// a fifteenth smaller.
func TestImageIsSmall(t *testing.T) {
	const limit = 19_400_000 // passkeys cost 2.1 MB of it, OpenID 0.6, the keys that another site publishes 0.27
	small := filepath.Join(t.TempDir(), "confab")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", small, ".") // as its Dockerfile does
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(small)
	if err != nil {
		t.Fatal(err)
	}
	if size := info.Size(); size > limit {
		t.Errorf("the image has %d bytes, the most is %d", size, limit)
	}
}
