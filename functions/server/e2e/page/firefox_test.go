package page_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"confab/shared/testenv"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The last that works with the Node.js of Debian.
const puppeteer = "puppeteer-core@24.43.1"

// inEach runs a test in each browser: visit opens the page for somebody who
// was never here.
func inEach(t *testing.T, test func(t *testing.T, visit func(url string) *window)) {
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		test(t, func(url string) *window { return visit(t, url) })
	})
	t.Run("Firefox", func(t *testing.T) {
		t.Parallel()
		inFirefox.Lock()
		defer inFirefox.Unlock()
		test(t, func(url string) *window { return visitFirefox(t, url) })
	})
}

// inFirefox is one test at a time: only one window has the focus.
var inFirefox sync.Mutex

// A firefox is a browser behind a program of Node.js, which is asked one thing
// at a time.
type firefox struct {
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Scanner
	cmd *exec.Cmd
}

// theFirefox is one browser for all tests, as chromium is.
var theFirefox = sync.OnceValues(startFirefox)

func startFirefox() (*firefox, error) {
	dir := filepath.Join(scratch, "firefox")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, puppeteer).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm install %s: %w: %s", puppeteer, err, out)
	}
	program, err := os.ReadFile("testdata/firefox.mjs")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "firefox.mjs"), program, 0o644)
	}
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		return nil, err
	}
	f := &firefox{cmd: exec.Command("node", filepath.Join(dir, "firefox.mjs"), path)}
	f.cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	f.cmd.Stderr = os.Stderr
	f.in, _ = f.cmd.StdinPipe()
	out, _ := f.cmd.StdoutPipe()
	f.out = bufio.NewScanner(out)
	f.out.Buffer(nil, 16<<20)
	return f, f.cmd.Start()
}

// closeFirefox ends the browser if a test started it.
var closeFirefox = func() {}

func visitFirefox(tb testing.TB, url string) *window {
	tb.Helper()
	for _, program := range []string{"firefox-esr", "npm", "node"} {
		testenv.Need(tb, program)
	}
	f, err := theFirefox()
	if err != nil {
		tb.Fatal(err)
	}
	closeFirefox = f.close
	w := &window{tb: tb, URL: url, firefox: f}
	if w.page, err = askFirefox[int](w, "open", url); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		wrong, err := askFirefox[[]string](w, "wrong")
		for _, what := range wrong {
			tb.Errorf("the page in Firefox: %s", what)
		}
		if err != nil {
			tb.Error(err)
		}
	})
	return w
}

func (f *firefox) close() {
	f.in.Close()
	f.cmd.Wait()
}

// askFirefox has Firefox do something in a window.
func askFirefox[T any](w *window, what string, args ...any) (v T, err error) {
	f := w.firefox
	f.mu.Lock()
	defer f.mu.Unlock()
	line, _ := json.Marshal(map[string]any{"on": w.page, "what": what, "args": append([]any{}, args...)})
	if _, err := f.in.Write(append(line, '\n')); err != nil {
		return v, err
	}
	if !f.out.Scan() {
		return v, fmt.Errorf("firefox ended: %w", errors.Join(f.out.Err(), io.ErrUnexpectedEOF))
	}
	var answer struct {
		Value T
		Error string
	}
	if err := json.Unmarshal(f.out.Bytes(), &answer); err != nil {
		return v, fmt.Errorf("%s: %w", f.out.Bytes(), err)
	}
	if answer.Error != "" {
		return v, errors.New(answer.Error)
	}
	return answer.Value, nil
}

// firefoxKeys are the names that Firefox has for keys.
var firefoxKeys = map[string]string{kb.Enter: "Enter", kb.Escape: "Escape", kb.ArrowUp: "ArrowUp", kb.ArrowDown: "ArrowDown", kb.ArrowRight: "ArrowRight"}

// pressFirefox presses one key, with others held.
func (w *window) pressFirefox(key string, held ...chromedp.Modifier) {
	w.tb.Helper()
	if name := firefoxKeys[key]; name != "" {
		key = name
	}
	args := []any{key}
	for _, m := range held {
		args = append(args, map[chromedp.Modifier]string{chromedp.ModifierCtrl: "Control", chromedp.ModifierShift: "Shift"}[m])
	}
	if _, err := askFirefox[any](w, "press", args...); err != nil {
		w.tb.Fatal(err)
	}
}
