package page_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"
)

const (
	lighthouse = "lighthouse@12.8.2"
	tries      = 3 // a machine that is busy with something else only ever costs points
	onPhone    = 95
)

// TestLighthouse asks Lighthouse, from npm, when LIGHTHOUSE is set. It judges
// the login, and a room of 200 lines with a session, as on a slow phone and as
// on a desktop: on a first visit, and on a later one with what the first left
// in the browser. A room is not to be found by search engines.
func TestLighthouse(t *testing.T) {
	if os.Getenv("LIGHTHOUSE") == "" {
		t.Skip("make lighthouse sets LIGHTHOUSE")
	}
	chrome := testenv.Need(t, "chromium")
	s := process.Start(t, journal(t, longTalk(200)))
	cookie := s.Login("ann").Jar.Cookies(nil)[0]
	headers, _ := json.Marshal(map[string]string{"Cookie": cookie.Name + "=" + cookie.Value})
	session, room := "--extra-headers="+string(headers), s.URL+"/r/lobby"
	all := []string{"performance", "accessibility", "best-practices", "seo"}
	known := profile{t.TempDir(), true}
	ask(t, chrome, known, room, session) // a first visit, which leaves there what it leaves
	for _, tt := range []struct {
		name  string
		as    profile
		url   string
		in    []string
		least float64
		flags []string
	}{
		{"login, phone", profile{}, s.URL + "/", all, 100, nil},
		{"room, phone, first", profile{}, room, all[:3], onPhone, []string{session}},
		{"room, phone, later", known, room, all[:3], onPhone, []string{session}},
		{"room, desktop, first", profile{}, room, all[:3], 100, []string{session, "--preset=desktop"}},
		{"room, desktop, later", known, room, all[:3], 100, []string{session, "--preset=desktop"}},
	} {
		var scores map[string]float64
		for range tries {
			var asked []string
			if scores, asked = ask(t, chrome, tt.as, tt.url, tt.flags...); tt.url == room && !slices.ContainsFunc(asked, isStream) {
				t.Errorf("%s: what was judged is not the room, it asked for %q", tt.name, asked)
			}
			if reach(scores, tt.in, tt.least) {
				break
			}
		}
		t.Logf("%s: %v", tt.name, scores)
		if !reach(scores, tt.in, tt.least) {
			t.Errorf("%s: want %.0f in %v", tt.name, tt.least, tt.in)
		}
	}
}

// isStream reports whether an address is one that only a room asks for.
func isStream(url string) bool { return strings.Contains(url, "/stream?") }

func reach(scores map[string]float64, categories []string, least float64) bool {
	return !slices.ContainsFunc(categories, func(c string) bool { return scores[c] < least })
}

// A profile is what a browser remembers; of the zero one nothing.
type profile struct {
	dir  string
	kept bool
}

// ask has Lighthouse look at a page once, and says what the page asked for.
func ask(tb testing.TB, chrome string, as profile, url string, more ...string) (scores map[string]float64, asked []string) {
	tb.Helper()
	report := filepath.Join(tb.TempDir(), "report.json")
	browser := "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update"
	if as.kept {
		browser += " --user-data-dir=" + as.dir
		more = append([]string{"--disable-storage-reset"}, more...)
	}
	flags := append([]string{"--yes", lighthouse, url, "--quiet", "--output=json", "--output-path=" + report, "--chrome-flags=" + browser}, more...)
	cmd := exec.Command(testenv.Need(tb, "npx"), flags...)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+chrome)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return readReport(tb, report)
}

func readReport(tb testing.TB, path string) (scores map[string]float64, asked []string) {
	tb.Helper()
	var report struct {
		Categories map[string]struct{ Score float64 }
		Audits     map[string]struct {
			Details struct{ Items []struct{ URL string } }
		}
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil && report.Categories == nil {
		tb.Fatal(err)
	}
	scores = map[string]float64{}
	for name, c := range report.Categories {
		scores[name] = c.Score * 100
	}
	for _, item := range report.Audits["network-requests"].Details.Items {
		asked = append(asked, item.URL)
	}
	return scores, asked
}
