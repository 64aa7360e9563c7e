package functions_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os/exec"
	"strings"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/public"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// edge is CloudFront: the site, and the functions behind it.
func (c *cloud) edge(tb testing.TB) (base string) {
	functions := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetXForwarded() },
		Transport:     c,
		ErrorLog:      log.New(io.Discard, "", 0), // of streams that the end of the test cuts
		FlushInterval: -1,
	}
	t := deploy(tb, nil)
	site := http.FileServerFS(public.Files)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin, _ := t.passes(r.URL.Path); origin == "site" {
			site.ServeHTTP(w, r)
			return
		}
		functions.ServeHTTP(w, r)
	}))
	tb.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return front.URL
}

// openChromium gives a way to open windows, each of which is somebody else's.
func openChromium(tb testing.TB) func() context.Context {
	tb.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		tb.Skip("needs chromium")
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true))...)
	tb.Cleanup(stop)
	browser, done := chromedp.NewContext(ctx)
	tb.Cleanup(done)
	if err := chromedp.Do(browser); err != nil {
		tb.Fatal(err)
	}
	return func() context.Context {
		window, shut := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
		tb.Cleanup(shut)
		return window
	}
}

func enter(base, name string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(base+"/"),
		chromedp.SendKeys(chromedp.CSS("#name"), name+kb.Enter),
		chromedp.WaitVisible(chromedp.CSS("#box")),
	)
}

func write(text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.CSS("#box"), text+kb.Enter)
}

// see waits for a line to be on the screen, and for there to be one of it.
func see(tb testing.TB, window context.Context, text string) {
	tb.Helper()
	shown := fmt.Sprintf("document.querySelector('.lines').innerText.includes(%q)", text)
	_, err := chromedp.Run(window, chromedp.Poll[bool](shown, chromedp.WithPollingTimeout(15*time.Second)))
	lines, _ := chromedp.Run(window, chromedp.Text(chromedp.CSS(".lines")))
	if n := strings.Count(lines, text); err != nil || n != 1 {
		tb.Fatalf("%q is %d times on the screen (%v):\n%s", text, n, err, lines)
	}
}

func TestPageChatsThroughFunctions(t *testing.T) {
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=2")
	base, window := c.edge(t), openChromium(t)
	ann, bob := window(), window()
	for who, name := range map[context.Context]string{ann: "ann", bob: "bob"} {
		if err := chromedp.Do(who, enter(base, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"first light", "second wind", "third time"} {
		before := len(c.invocations(c.stream))
		if err := chromedp.Do(ann, write(line)); err != nil {
			t.Fatal(err)
		}
		see(t, ann, line)
		see(t, bob, line)
		for late := time.After(15 * time.Second); len(c.invocations(c.stream)) < before+2; {
			select { // until both have come back for another stream
			case <-time.After(50 * time.Millisecond):
			case <-late:
				t.Fatal("the pages do not come back")
			}
		}
	}
	if err := chromedp.Do(bob, write("all heard")); err != nil {
		t.Fatal(err)
	}
	see(t, ann, "all heard")
	streams := c.invocations(c.stream)
	for _, i := range streams {
		if how := i.End(); how != "complete" {
			t.Errorf("a stream ended by %s", how)
		}
	}
	t.Logf("%d invocations of the stream function", len(streams))
}
