package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const lighthouse = "lighthouse@12.8.2"

// TestLighthouse asks Lighthouse, from npm, when LIGHTHOUSE is set. It judges
// the login as on a slow phone, and a room with 200 lines as on a desktop.
func TestLighthouse(t *testing.T) {
	if os.Getenv("LIGHTHOUSE") == "" {
		t.Skip("make lighthouse sets LIGHTHOUSE")
	}
	chrome := need(t, "chromium")
	s := start(t, journal(t, longTalk(200)))
	cookie := s.login("ann").Jar.Cookies(nil)[0]
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
		report := filepath.Join(t.TempDir(), tt.name+".json")
		flags := append([]string{"--yes", lighthouse, tt.url, "--quiet", "--output=json", "--output-path=" + report,
			"--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update"}, tt.flags...)
		cmd := exec.Command(need(t, "npx"), flags...)
		cmd.Env = append(os.Environ(), "CHROME_PATH="+chrome)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		scores := readScores(t, report)
		t.Logf("%s: %s", tt.name, fmt.Sprint(scores))
		for _, category := range tt.perfect {
			if scores[category] != 100 {
				t.Errorf("%s: %s is %.0f, want 100", tt.name, category, scores[category])
			}
		}
	}
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
