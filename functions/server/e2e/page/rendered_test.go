package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// withoutScript has a browser run none.
func withoutScript(w *window) {
	send(w, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// The places of the last lines, which the reader has before the eyes.
const places = `Array.from(document.querySelectorAll('.lines .line')).slice(-12).map(li => {
	const { x, y, width, height } = li.querySelector('.line__text').getBoundingClientRect()
	return [li.dataset.id, li.querySelector('.line__text').textContent, ...[x, y, width, height].map(Math.round)].join(' ')
}).join('\n')`

func TestScriptTakesOverWithoutAFlash(t *testing.T) {
	s := process.Start(t, journal(t, longTalk(200)))
	as := signedIn(s, "ann")
	drawn := visit(t, s.URL+"/r/lobby", as, withoutScript)
	live := visit(t, s.URL+"/r/lobby", as)
	live.await("the stream", `document.body.dataset.link === 'live'`)
	if server, script := eval[string](drawn, places), eval[string](live, places); server != script || server == "" {
		t.Errorf("the server drew\n%s\nand the script\n%s", server, script)
	}
}

func TestRoomIsReadAndWrittenWithoutAScript(t *testing.T) {
	s := process.Start(t, journal(t, longTalk(200)))
	w := visit(t, s.URL+"/r/lobby", withoutScript)
	w.do(chromedp.SendKeys(chromedp.CSS("#name"), "ann"+kb.Enter))
	w.await("the box", `document.querySelector('#box')?.form.action.endsWith('/r/lobby')`)
	w.do(chromedp.SendKeys(chromedp.CSS("#box"), "by hand"), chromedp.Click(chromedp.CSS(".composer__send")))
	w.await("the line", `document.querySelector('.lines .line:last-child .line__text')?.textContent === 'by hand'`)
	w.await("older lines", `[...document.querySelectorAll('.log__links a')].length === 2`)
	w.do(chromedp.Click(chromedp.CSS(".log__links a")))
	w.await("the page before", `location.search.startsWith('?before=') && document.querySelectorAll('.lines .line').length > 40 && !document.body.textContent.includes('by hand')`)
}

func TestLinkToALineShowsItInItsContext(t *testing.T) {
	s := process.Start(t, journal(t, longTalk(400)))
	w := visit(t, s.URL+"/r/lobby", signedIn(s, "ann"))
	w.await("the stream", `document.body.dataset.link === 'live'`)
	w.run(`(async () => {
		const read = async query => (await fetch('/r/lobby?limit=100' + query, { headers: { Accept: 'application/json' } })).json()
		const before = (await read('')).events[0].id
		window.old = (await read('&before=' + before)).events[10].id
	})()`)
	w.await("an old line", `window.old`)
	id := eval[string](w, `window.old`)
	w.do(chromedp.Navigate(s.URL + "/r/lobby/" + id))
	w.await("the line", `(() => {
		const line = document.querySelector('body:not(.rendered) .line[data-id="`+id+`"]')?.getBoundingClientRect()
		const log = document.querySelector('.log').getBoundingClientRect()
		return line && line.top > log.top && line.bottom < log.bottom
	})()`)
}
