package page_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

const (
	lighthouse = "lighthouse@12.8.2"
	tries      = 3 // a machine that is busy with something else only ever costs points
)

// TestLighthouse asks Lighthouse, from npm, when LIGHTHOUSE is set. It judges
// the login as on a slow phone, and a room with 200 lines as on a desktop.
func TestLighthouse(t *testing.T) {
	if os.Getenv("LIGHTHOUSE") == "" {
		t.Skip("make lighthouse sets LIGHTHOUSE")
	}
	chrome := testenv.Need(t, "chromium")
	s := process.Start(t, journal(t, longTalk(200)))
	cookie := s.Login("ann").Jar.Cookies(nil)[0]
	headers, _ := json.Marshal(map[string]string{"Cookie": cookie.Name + "=" + cookie.Value})
	all := []string{"performance", "accessibility", "best-practices", "seo"}
	for _, tt := range []struct {
		name, url string
		perfect   []string
		flags     []string
	}{
		{"login", s.URL + "/", all, nil},
		{"room", s.URL + "/r/lobby", all[:3], []string{"--preset=desktop", "--extra-headers=" + string(headers)}},
	} {
		var scores map[string]float64
		for range tries {
			if scores = ask(t, chrome, tt.url, tt.flags); perfect(scores, tt.perfect) {
				break
			}
		}
		t.Logf("%s: %v", tt.name, scores)
		if !perfect(scores, tt.perfect) {
			t.Errorf("%s: want 100 in %v", tt.name, tt.perfect)
		}
	}
}

func perfect(scores map[string]float64, categories []string) bool {
	return !slices.ContainsFunc(categories, func(c string) bool { return scores[c] != 100 })
}

// ask has Lighthouse look at a page once.
func ask(tb testing.TB, chrome, url string, more []string) map[string]float64 {
	tb.Helper()
	report := filepath.Join(tb.TempDir(), "report.json")
	flags := append([]string{"--yes", lighthouse, url, "--quiet", "--output=json", "--output-path=" + report,
		"--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update"}, more...)
	cmd := exec.Command(testenv.Need(tb, "npx"), flags...)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+chrome)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return readScores(tb, report)
}

func readScores(tb testing.TB, path string) map[string]float64 {
	tb.Helper()
	var report struct {
		Categories map[string]struct{ Score float64 }
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil {
		tb.Fatal(err)
	}
	scores := map[string]float64{}
	for name, c := range report.Categories {
		scores[name] = c.Score * 100
	}
	return scores
}
