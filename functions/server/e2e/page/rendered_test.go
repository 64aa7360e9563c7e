package page_test

import (
	"strings"
	"testing"
	"time"

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

// What stands in the log, without what only a script can serve or know: buttons,
// the reader's own time of day, how large some emoji are.
const markupOfLines = `[...document.querySelectorAll('.lines > li')].map(li => {
	const copy = li.cloneNode(true)
	for (const one of [copy, ...copy.querySelectorAll('*')]) {
		for (const { name } of [...one.attributes]) if (!['class', 'href', 'target', 'rel', 'start', 'data-id'].includes(name) && !one.matches('.day time')) one.removeAttribute(name)
		one.className = [...one.classList].filter(name => name !== 'line--large').sort().join(' ')
	}
	for (const time of copy.querySelectorAll('time')) time.textContent = ''
	return copy.outerHTML.replace(/<(\/?)(button|span|p)\b/g, '<$1x').replaceAll(' class=""', '').replace(/>\s+</g, '><')
}).join('\n')`

// The server makes of a room what the script makes of it.
func TestServerDrawsWhatTheScriptDraws(t *testing.T) {
	const day = 24 * time.Hour
	s := process.Start(t, journal(t, []spoken{
		{2*day + time.Hour, "bob", "two days ago, **bold**, *thin*, ~~gone~~ and `code <b>`", 0},
		{2*day + time.Hour, "bob", "see https://example.org/a_(b), www.example.org or mail@example.org", 0},
		{day, "cat", "```go\nx := 1\n```\n> said\n- one\n- two\n3. three", 0},
		{time.Hour, "bob", "hi @ann, @cat and @nobody", 0},
		{50 * time.Minute, "ann", "my own *line* for @bob", 4},
		{49 * time.Minute, "ann", "and one more", 0},
		{30 * time.Minute, "小明", "你好@ann你怎么看", 5},
	}))
	as := signedIn(s, "ann")
	utc := func(w *window) {
		send(w, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	}
	live := visit(t, s.URL+"/r/lobby", as, utc)
	live.await("the stream", `document.body.dataset.link === 'live'`)
	live.run(`(async () => {
		const send = async (method, path, body) => (await fetch('/r/lobby' + path, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json()
		const [first, second] = [await send('POST', '', { text: 'to be changed' }), await send('POST', '', { text: 'to be removed' })]
		await send('PATCH', '/' + first.id, { text: '*changed*' })
		await send('DELETE', '/' + second.id)
		await send('PUT', '/' + first.id + '/reactions/' + encodeURIComponent('👍'))
	})()`)
	live.await("what was done", `document.querySelector('.reaction') && document.querySelector('.line--gone') && document.querySelector('.line__edited')`)
	drawn := visit(t, s.URL+"/r/lobby", as, withoutScript)
	if server, script := eval[string](drawn, markupOfLines), eval[string](live, markupOfLines); server != script || strings.Count(server, "<li") < 12 {
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
