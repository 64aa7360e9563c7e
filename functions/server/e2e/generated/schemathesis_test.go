//go:build clients && resume

package generated_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

const schemathesis = "schemathesis==4.32.5"

// Schemathesis makes requests of the description, good ones and bad ones, and
// holds the answers to it: statuses, types, shapes, and no 5xx.
func TestServerIsAsDescribed(t *testing.T) {
	testenv.Need(t, "python3")
	s := process.Start(t, "POSTS_PER_SECOND=0", "LOGINS_PER_SECOND=0", "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0", "STREAM_SECONDS=1")
	res, err := http.Post(s.URL+"/login", "application/json", strings.NewReader(`{"name":"schemathesis","token":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var in struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&in); err != nil {
		t.Fatal(err)
	}
	w := &workshop{t, t.TempDir(), "", s.URL}
	w.files("schemathesis")
	w.run("python3", "-m", "venv", "venv")
	w.run(filepath.Join(w.dir, "venv", "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", schemathesis)
	out := w.run(filepath.Join(w.dir, "venv", "bin", "schemathesis"), "run", s.URL+"/openapi.json", "--url", s.URL,
		"-H", "Authorization: Bearer "+in.Token, "--max-examples", "10", "--request-timeout", "10", "--workers", "2")
	if !strings.Contains(out, "Test cases:") || strings.Contains(out, " 0 generated") {
		t.Errorf("nothing was tried:\n%s", out)
	}
}
