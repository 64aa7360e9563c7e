package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/testenv"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const onScreen = 30 * time.Second // for what a screen is to show, on a machine with much else to do

// scratch is a folder that TestMain clears away.
var scratch string

// chromium is one browser for all tests; each of them looks through windows
// of its own, which share no cookie and no memory.
var chromium = sync.OnceValues(func() (context.Context, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(filepath.Join(scratch, "chromium")),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"),
	)
	alloc, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc)
	return ctx, chromedp.Do(ctx)
})

// A window is where somebody looks at the page.
type window struct {
	tb      testing.TB
	ctx     context.Context
	URL     string
	browser cdp.BrowserContextID

	firefox *firefox // nil: it is Chromium
	page    int      // of Firefox

	mu       sync.Mutex
	wrong    []string // what a page must not do
	requests []string
	bytes    float64 // on the wire
	cut      bool    // the network is: failed requests are no fault
}

// visit opens the page in the browser of somebody who was never here, which
// may be made ready for it.
func visit(tb testing.TB, url string, ready ...func(w *window)) *window {
	tb.Helper()
	testenv.Need(tb, "chromium")
	root, err := chromium()
	if err != nil {
		tb.Fatal(err)
	}
	return openWindow(tb, url, root, chromedp.WithNewBrowserContext(), ready...)
}

// tab opens the page in another tab of the same browser.
func (w *window) tab(url string, ready ...func(w *window)) *window {
	w.tb.Helper()
	root, err := chromium()
	if err != nil {
		w.tb.Fatal(err)
	}
	return openWindow(w.tb, url, root, chromedp.WithExistingBrowserContext(w.browser), ready...)
}

func openWindow(tb testing.TB, url string, root context.Context, in chromedp.ContextOption, ready ...func(w *window)) *window {
	tb.Helper()
	ctx, cancel := chromedp.NewContext(root, in)
	tb.Cleanup(cancel)
	w := &window{tb: tb, ctx: ctx, URL: url}
	if err := chromedp.Listen(ctx, w.listen); err != nil {
		tb.Fatal(err)
	}
	send(w, network.Enable, network.EnableParams{})
	send(w, log.Enable, cdp.Empty{})
	w.browser = chromedp.FromContext(ctx).BrowserContextID
	tb.Cleanup(w.blame)
	for _, do := range ready {
		do(w)
	}
	w.do(chromedp.Navigate(url))
	return w
}

// listen notes what a page must not do: fail, break its policy, or ask
// another host.
func (w *window) listen(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		w.wrong = append(w.wrong, (&chromedp.ExceptionError{ExceptionDetails: ev.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			w.wrong = append(w.wrong, fmt.Sprintf("console: %s", ev.Args[0].Value))
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError && !(w.cut && ev.Entry.Source == log.EntrySourceNetwork) {
			w.wrong = append(w.wrong, fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, ev.Request.URL)
		if !strings.HasPrefix(ev.Request.URL, w.origin()) && !strings.HasPrefix(ev.Request.URL, "data:") {
			w.wrong = append(w.wrong, "asked "+ev.Request.URL)
		}
	case *network.EventLoadingFinished:
		w.bytes += ev.EncodedDataLength
	}
}

func (w *window) origin() string {
	scheme, rest, _ := strings.Cut(w.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

func (w *window) blame() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, what := range w.wrong {
		w.tb.Errorf("the page: %s", what)
	}
}

// before runs a script in every document before the page's own.
func before(script string) func(w *window) {
	return func(w *window) {
		w.tb.Helper()
		send(w, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	}
}

func (w *window) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

func (w *window) do(actions ...chromedp.Action[chromedp.Void]) {
	w.tb.Helper()
	if err := chromedp.Do(w.ctx, actions...); err != nil {
		w.tb.Fatal(err)
	}
}

// send gives the browser a command.
func send[P, R any](w *window, cmd cdp.Command[P, R], params P) R {
	w.tb.Helper()
	answer, err := chromedp.Call(w.ctx, cmd, params)
	if err != nil {
		w.tb.Fatal(err)
	}
	return answer
}

// eval gives the value of an expression in the page.
func eval[T any](w *window, js string) T {
	w.tb.Helper()
	v, err := tryEval[T](w, js)
	if err != nil {
		w.tb.Fatalf("%s: %v", js, err)
	}
	return v
}

func tryEval[T any](w *window, js string) (T, error) {
	if w.firefox != nil {
		return askFirefox[T](w, "eval", js)
	}
	return chromedp.Run(w.ctx, chromedp.Evaluate[T](js))
}

// notes keeps in window.noted what an element says from now on, however short.
func (w *window) notes(selector string) {
	w.tb.Helper()
	w.run(fmt.Sprintf(noting, quote(selector)))
}

const noting = `(() => {
	const noted = window.noted ??= []
	new MutationObserver(() => {
		const said = document.querySelector(%s)?.textContent
		if (said && said !== noted.at(-1)) noted.push(said)
	}).observe(document, { childList: true, characterData: true, subtree: true })
})()`

// run evaluates for the effect alone.
func (w *window) run(js string) {
	w.tb.Helper()
	js = "(" + js + ", true)"
	if w.firefox == nil {
		eval[bool](w, js)
	} else if _, err := askFirefox[bool](w, "run", js); err != nil {
		w.tb.Fatalf("%s: %v", js, err)
	}
}

// await waits until an expression is true in the page.
func (w *window) await(what, js string) {
	w.tb.Helper()
	w.awaitFor(onScreen, what, js)
}

func (w *window) reload() {
	w.tb.Helper()
	if w.firefox == nil {
		w.do(chromedp.Reload())
	} else if _, err := askFirefox[any](w, "reload"); err != nil {
		w.tb.Fatal(err)
	}
	w.awaitRoom()
}

// The command that also moves navigator.onLine; cdproto knows only its heirs.
var emulate = cdp.Command[conditions, cdp.Empty]{Method: "Network.emulateNetworkConditions"}

type conditions struct {
	Offline            bool    `json:"offline"`
	Latency            float64 `json:"latency"`
	DownloadThroughput float64 `json:"downloadThroughput"`
	UploadThroughput   float64 `json:"uploadThroughput"`
}

// offline cuts the browser from the network, as a tunnel does.
func (w *window) offline(off bool) {
	w.tb.Helper()
	w.setCut(true)
	send(w, emulate, conditions{Offline: off, DownloadThroughput: -1, UploadThroughput: -1})
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
