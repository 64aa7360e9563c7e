//go:build clients

package clients_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
)

// The official client of Durable Streams creates, appends and produces. It needs
// npm: go test -tags clients.
func TestDurableStreamsClientAppends(t *testing.T) {
	dir := npm(t, "clients")
	s := process.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "append.mjs", s.URL+"/r/appended", bearer(t, s.URL))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/r/appended", nil)
	req.Header.Set("Accept", "application/json")
	var page struct{ Events []struct{ Text string } }
	decode(t, req, &page)
	var texts []string
	for _, ev := range page.Events {
		texts = append(texts, ev.Text)
	}
	if want := []string{"one", "two", "three", "four", "five", "six"}; !slices.Equal(texts, want) {
		t.Errorf("the room holds %q, want %q", texts, want)
	}
}

// bearer is the token of a new session.
func bearer(t *testing.T, base string) string {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/login", strings.NewReader(`{"name":"writer","token":true}`))
	req.Header.Set("Content-Type", "application/json")
	var answer struct{ Token string }
	decode(t, req, &answer)
	return answer.Token
}

func decode(t *testing.T, req *http.Request, into any) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %v", req.Method, req.URL.Path, res.Status, err)
	}
}
