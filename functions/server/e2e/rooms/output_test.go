package rooms_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// Whoever reads the log may go away, as in "confab 2>&1 | head -1".
func TestServesOnWhenNobodyReadsItsOutput(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(process.Binary(t))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ADDR=127.0.0.1:0", "DATA_DIR=" + t.TempDir()}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	in.Close()
	lines, base := bufio.NewScanner(out), ""
	for base == "" && lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "open at "); ok {
			base = at
		}
	}
	out.Close()
	for range 3 { // each login is logged
		res, err := http.PostForm(base+"/login", url.Values{"user": {"ann"}, "next": {"/healthz"}})
		if err != nil {
			t.Fatalf("the server is gone: %v", err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("login: %s", res.Status)
		}
	}
}
