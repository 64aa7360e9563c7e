//go:build cloud

package cloud_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"confab/shared/testenv"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a screen may take to show something, where each request starts a container
// on a machine with much else to do.
const onScreen = 2 * time.Minute

// talk has two browsers say n lines in turns, and wants all of them on both
// screens, each once and in one order. It gives the time that it took.
func talk(t *testing.T, base string, n int) time.Duration {
	t.Helper()
	testenv.Need(t, "chromium")
	var windows []context.Context
	for _, name := range []string{"ann", "bob"} {
		alloc, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true))...)
		t.Cleanup(stop)
		window, done := chromedp.NewContext(alloc)
		t.Cleanup(done)
		if err := chromedp.Do(window); err != nil {
			t.Fatal(err)
		}
		enter(t, window, base, name)
		windows = append(windows, window)
	}
	begun := time.Now()
	var said []string
	for i := range n {
		said = append(said, fmt.Sprintf("line %d.", i))
		say(t, windows[i%2], said[i])
	}
	var screens [2][]string
	for i, window := range windows {
		screens[i] = seen(t, window, n)
		if missing := slices.DeleteFunc(slices.Clone(said), func(line string) bool { return slices.Contains(screens[i], line) }); len(missing) > 0 || len(screens[i]) != n {
			t.Errorf("screen %d has %d of %d lines, not %q", i, len(screens[i]), n, missing)
		}
	}
	if !slices.Equal(screens[0], screens[1]) {
		t.Errorf("two orders:\n%q\n%q", screens[0], screens[1])
	}
	return time.Since(begun)
}

// enter gets somebody in. A container that does not start in time on a busy
// machine gives an error in the page's place, and a person loads it again.
func enter(t *testing.T, window context.Context, base, name string) {
	t.Helper()
	var err error
	for range 3 {
		ctx, cancel := context.WithTimeout(window, onScreen)
		err = chromedp.Do(ctx, chromedp.Steps(
			chromedp.Navigate(base+"/"),
			chromedp.SendKeys(chromedp.CSS("#name"), name+kb.Enter),
			chromedp.WaitVisible(chromedp.CSS("#box")),
		))
		cancel()
		if err == nil {
			return
		}
		t.Logf("%s does not get in: %v; the screen says:\n%s", name, err, screen(window))
	}
	t.Fatal(err)
}

func say(t *testing.T, window context.Context, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(window, onScreen)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#box"), line+kb.Enter)); err != nil {
		t.Fatalf("%q is not said: %v; the screen says:\n%s", line, err, screen(window))
	}
}

func screen(window context.Context) string {
	ctx, cancel := context.WithTimeout(window, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	return fmt.Sprintln(text, err)
}

// seen are the lines on a screen, once there are n of them that are accepted.
func seen(t *testing.T, window context.Context, n int) (got []string) {
	t.Helper()
	window, cancel := context.WithTimeout(window, onScreen)
	defer cancel()
	for tick := time.Tick(100 * time.Millisecond); ; <-tick {
		now, err := chromedp.Run(window, chromedp.Evaluate[struct {
			Lines   []string
			Sending bool
			Text    string
		}](`({
			lines: document.querySelector('.lines')?.innerText.match(/line \d+\./g) ?? [],
			sending: !!document.querySelector('.line--sending'),
			text: document.body.innerText,
		})`))
		if err != nil {
			t.Errorf("no %d lines that are accepted: %v", n, err)
			return got
		}
		if got = now.Lines; len(got) >= n && !now.Sending {
			return got
		}
		if late, _ := window.Deadline(); time.Until(late) < time.Second {
			t.Errorf("no %d lines that are accepted; the screen says:\n%s", n, now.Text)
			return got
		}
	}
}
