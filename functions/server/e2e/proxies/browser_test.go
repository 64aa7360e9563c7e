package proxies_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"confab/shared/testenv"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// scratch is a folder that TestMain clears away.
var scratch string

// chromium is one browser for all tests.
var chromium = sync.OnceValues(func() (context.Context, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.UserDataDir(filepath.Join(scratch, "chromium")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("lang", "en-US"))
	alloc, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc)
	return ctx, chromedp.Do(ctx)
})

// A window is the page as somebody sees it who was never here. What goes wrong
// is an error, for a path may let no page live.
type window struct{ ctx context.Context }

// noting keeps when the page first asked for a stream, when it was live first,
// and by which way it reads.
const noting = `(() => {
	const asks = (way) => { window.way = way; window.streamed ??= performance.now() }
	const fetches = window.fetch
	window.fetch = (url, how) => {
		if (String(url).startsWith('/stream')) asks(how.headers.Accept.includes('event-stream') ? 'SSE' : 'polling')
		return fetches(url, how)
	}
	window.WebSocket = class extends WebSocket {
		constructor(...args) { super(...args); asks('WebSocket') }
	}
	new MutationObserver(() => {
		if (document.body?.dataset.link === 'live') window.live ??= performance.now()
	}).observe(document, { attributes: true, childList: true, subtree: true })
})()`

// join opens the page and says a name.
func join(tb testing.TB, url, name string) (*window, error) {
	tb.Helper()
	testenv.Need(tb, "chromium")
	root, err := chromium()
	if err != nil {
		return nil, err
	}
	ctx, cancel := chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	tb.Cleanup(cancel)
	w := &window{ctx}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: noting}); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		return nil, err
	}
	if err := w.await(10*time.Second, `document.activeElement?.matches('input[name=user]')`); err != nil {
		return nil, fmt.Errorf("no login: %w", err)
	}
	if err := w.write(name); err != nil {
		return nil, err
	}
	if err := w.await(15*time.Second, `document.activeElement?.id === 'box'`); err != nil {
		return nil, fmt.Errorf("not let in: %w", err)
	}
	return w, w.await(40*time.Second, `window.live`)
}

// write types a text and Enter.
func (w *window) write(text string) error {
	if _, err := chromedp.Call(w.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		return err
	}
	return chromedp.Do(w.ctx, chromedp.KeyEvent(kb.Enter))
}

// say writes a line in the box.
func (w *window) say(text string) error {
	if err := chromedp.Do(w.ctx, chromedp.Focus("#box")); err != nil {
		return err
	}
	return w.write(text)
}

// sees waits for a line.
func (w *window) sees(text string, within time.Duration) error {
	quoted, _ := json.Marshal(text)
	return w.await(within, fmt.Sprintf(`[...document.querySelectorAll('[role=log] .line__text')].some(line => line.textContent === %s)`, quoted))
}

// await waits until an expression is true in the page.
func (w *window) await(within time.Duration, js string) error {
	var err error
	ok := testenv.Holds(within, func() bool {
		var is bool
		is, err = chromedp.Run(w.ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		return is && err == nil
	})
	if !ok {
		return fmt.Errorf("not after %v: %s (%v)", within, js, err)
	}
	return nil
}

// reads tells by which way the page reads, and after what time it was live.
func (w *window) reads() (way string, after time.Duration, err error) {
	way, err = chromedp.Run(w.ctx, chromedp.Evaluate[string]("window.way"))
	if err != nil {
		return "", 0, err
	}
	ms, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64]("window.live - window.streamed"))
	return way, time.Duration(ms * float64(time.Millisecond)), err
}
