package page_test

import (
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// painted notes when the first line was on the screen, since the page was
// asked for, and when Enter was pressed.
const painted = `
	window.addEventListener('keydown', ({ key }) => { if (key === 'Enter') window.pressed = performance.now() }, true)
	new MutationObserver((_, self) => {
		if (!document.querySelector('[role=log] .line')) return
		self.disconnect()
		requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now() }))
	}).observe(document, { childList: true, subtree: true })
`

// On a slow link it counts how often one thing waits for another: a room's
// modules wait for nothing but each other's turn on the wire.
func TestRoomsModulesAreAskedForAtOnce(t *testing.T) {
	s := process.Start(t, journal(t, longTalk(200)))
	p := network.StartProxy(t, s.URL)
	const each = 20 * time.Millisecond // there, and back
	p.Slow(each)
	ann := visit(t, "http://"+p.Addr, before(painted))
	ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
	ann.write("ann")
	ann.await("the modules", `performance.getEntriesByType('resource').some(({ name }) => name.includes('/app/page-'))`)
	ann.flat()
	ann.press(kb.Enter)
	ann.await("a line", `window.painted`)
	t.Logf("%s to the server and back: a line %.0f ms after the name was said", 2*each, eval[float64](ann, `window.painted - window.pressed`))
	ann.flat()
	ann.await("the worker", `navigator.serviceWorker.controller`)
	ann.awaitShell()
	for range 3 {
		ann.do(chromedp.Reload())
		ann.await("a line", `window.painted`)
		t.Logf("a line %.0f ms after the page was asked for again", eval[float64](ann, `window.painted`))
		ann.flat()
	}
}

// flat checks that no module of the room was asked for only when another had come.
func (w *window) flat() {
	w.tb.Helper()
	late := eval[[]string](w, `(() => {
		const modules = performance.getEntriesByType('resource').filter(({ name }) => /\/js\/(room|link)\//.test(name))
		const first = Math.min(...modules.map(one => one.responseEnd))
		return modules.filter(one => one.startTime > first).map(one => one.name)
	})()`)
	if len(late) > 0 {
		w.tb.Errorf("asked for late: %q", late)
	}
}
