package functions_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
	"confab/public"
	"confab/shared/testenv"

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
	testenv.Need(tb, "chromium")
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

// meet opens a window for each name, and comes in by it.
func meet(tb testing.TB, base string, names ...string) (windows []context.Context) {
	tb.Helper()
	open := openChromium(tb)
	for _, name := range names {
		window := open()
		if err := chromedp.Do(window, enter(base, name)); err != nil {
			tb.Fatal(err)
		}
		windows = append(windows, window)
	}
	return windows
}

// hearsay has a window say a line, and waits until all have it.
func hearsay(tb testing.TB, line string, from context.Context, all []context.Context) {
	tb.Helper()
	if err := chromedp.Do(from, write(line)); err != nil {
		tb.Fatal(err)
	}
	for _, window := range all {
		see(tb, window, line)
	}
}

// awaitStreams waits until so many more streams were asked for.
func (c *cloud) awaitStreams(more int) {
	c.tb.Helper()
	want := len(c.invocations(c.stream)) + more
	for late := time.After(15 * time.Second); len(c.invocations(c.stream)) < want; {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			c.tb.Fatal("the pages do not come back")
		}
	}
}

func TestPageChatsThroughFunctions(t *testing.T) {
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=2")
	windows := meet(t, c.edge(t), "ann", "bob")
	for _, line := range []string{"first light", "second wind", "third time"} {
		hearsay(t, line, windows[0], windows)
		c.awaitStreams(2) // of each window
	}
	hearsay(t, "all heard", windows[1], windows)
	streams := c.invocations(c.stream)
	for _, i := range streams {
		if how := i.End(); how != "complete" {
			t.Errorf("a stream ended by %s", how)
		}
	}
	t.Logf("%d invocations of the stream function", len(streams))
}

// Streams may take all that a function may do at once, and a page chats on.
func TestPageChatsOnWhileNoStreamIsTaken(t *testing.T) {
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "POSTS_PER_SECOND=0")
	windows := meet(t, c.edge(t), "ann", "bob")
	hearsay(t, "before", windows[0], windows)
	c.stream.Reserve(-1)
	c.stream.Kill() // all that are open end, and none begins
	for _, line := range []string{"one in the crowd", "two in the crowd", "three in the crowd"} {
		hearsay(t, line, windows[0], windows)
	}
	c.stream.Reserve(0)
	hearsay(t, "after", windows[1], windows)
}

func TestPageLosesNothingToKilledAndThrottledFunctions(t *testing.T) {
	t.Parallel()
	c := newCloud(t, lambdatest.REST, lambdatest.RESTStream, startRedis(t).url(), "STREAM_SECONDS=3", "POSTS_PER_SECOND=0")
	windows := meet(t, c.edge(t), "ann", "bob")
	hearsay(t, "before", windows[0], windows)
	for _, f := range []*lambdatest.Function{c.stream, c.post, c.login} {
		f.Kill()
	}
	hearsay(t, "after the fall", windows[1], windows)
	c.stream.Reserve(1) // one of the two is turned away when their streams end
	var said []string
	for late := time.Now().Add(30 * time.Second); c.turnedAway.Load() == 0 || len(said) < 10; time.Sleep(300 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d requests were turned away", c.turnedAway.Load())
		}
		said = append(said, fmt.Sprintf("line %d.", len(said)))
		if err := chromedp.Do(windows[len(said)%2], write(said[len(said)-1])); err != nil {
			t.Fatal(err)
		}
	}
	c.stream.Reserve(0)
	hearsay(t, "all heard", windows[0], windows)
	for _, window := range windows {
		for _, line := range said {
			see(t, window, line)
		}
	}
}
