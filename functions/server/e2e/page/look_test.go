package page_test

import (
	"slices"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/emulation"
)

// What a first visit may cost.
const (
	mostRequests = 12
	mostBytes    = 35 << 10
	mostLines    = 400 // in the page, however long the room
	mostShift    = 0.02
)

// device makes the window a phone or a desktop, by day or by night.
func (w *window) device(phone bool, scheme string) {
	w.tb.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1}
	if phone {
		size = emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true}
	}
	send(w, emulation.SetDeviceMetricsOverride, size)
	send(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func TestFirstVisitIsLight(t *testing.T) {
	s := process.Start(t)
	ann := visit(t, s.URL)
	ann.await("the login", `document.activeElement?.matches('input[name=user]') && document.readyState === 'complete'`)
	ann.await("no more loading", `performance.now() - Math.max(...performance.getEntriesByType('resource').map(r => r.responseEnd)) > 300`)
	ann.mu.Lock()
	requests, sent := slices.Clone(ann.requests), ann.bytes
	ann.mu.Unlock()
	t.Logf("login: %d requests, %.0f bytes", len(requests), sent)
	if len(requests) > mostRequests || sent > mostBytes {
		t.Errorf("the first visit took %d requests and %.0f bytes, at most %d and %d are right: %q", len(requests), sent, mostRequests, mostBytes, requests)
	}
	ann.join("ann")
	ann.mu.Lock()
	t.Logf("with the room: %d requests, %.0f bytes", len(ann.requests), ann.bytes)
	ann.mu.Unlock()
	ann.run(`new PerformanceObserver(list => { window.jumped = list.getEntries().reduce((n, e) => n + e.value, window.jumped) }).observe({ type: 'layout-shift', buffered: true }), window.jumped = 0`)
	ann.run(`requestAnimationFrame(() => setTimeout(() => { window.watched = true }, 200))`)
	ann.await("what jumped", `window.watched`)
	if jumped := eval[float64](ann, `window.jumped`); jumped > mostShift {
		t.Errorf("what one sees jumped by %.3f, at most %.3f is right", jumped, mostShift)
	}
}

func TestLongRoomKeepsFewLinesInThePage(t *testing.T) {
	t.Parallel()
	const all = 1500 // many times what the page holds
	s := process.Start(t, journal(t, longTalk(all)))
	ann := visit(t, s.URL).join("ann")
	ann.await("the end", `document.querySelector('.lines').lastElementChild?.textContent.includes('line 1499')`)
	// Scroll to the beginning, and note whether what is read ever moves.
	ann.run(`(async () => {
		const log = document.querySelector('.log')
		const frame = () => new Promise(requestAnimationFrame)
		window.most = window.moved = 0
		while (document.querySelector('.log__begin').hidden) {
			log.scrollTop -= 1200
			await frame()
			const line = [...document.querySelectorAll('.line')].find(li => li.getBoundingClientRect().bottom > 100)
			const before = line.getBoundingClientRect().top, at = log.scrollTop
			await frame()
			if (line.isConnected && log.scrollTop !== at) window.moved = Math.max(window.moved, Math.abs(line.getBoundingClientRect().top - before))
			window.most = Math.max(window.most, document.querySelectorAll('.line').length)
		}
		window.begun = true
	})()`)
	ann.awaitFor(time.Minute, "the beginning", `window.begun && document.querySelector('.lines').textContent.includes('line 0 ')`)
	if n := eval[int](ann, `window.most`); n > mostLines || n == 0 {
		t.Errorf("%d lines in the page, at most %d are right", n, mostLines)
	}
	if px := eval[float64](ann, `window.moved`); px > 2 {
		t.Errorf("what was read moved by %.1f pixels", px)
	}
	if _, _, err := s.Post(s.Login("bob"), "lobby", "news", ""); err != nil {
		t.Fatal(err)
	}
	ann.await("the count of what is new", `document.querySelector('.jump').innerText === '1 new message'`)
	ann.run(`document.querySelector('.jump').click()`)
	ann.sees("news")
	ann.await("the end", `document.querySelector('.jump').hidden && document.querySelectorAll('.line').length <= 400`)
}

// talk is what the pictures show.
var talk = []spoken{
	{26 * time.Hour, "Ada", "Morning! The **release** is out.", 0},
	{26*time.Hour - time.Minute, "Ada", "Three people confirmed it already. Notes are in https://example.com/notes.", 0},
	{26*time.Hour - 3*time.Minute, "Björn Ægirsson", "I read them on the train. What I like best is that a line which was accepted is never lost: I went through four tunnels and every message of mine arrived, once, in the order in which I wrote it.", 2},
	{26*time.Hour - 4*time.Minute, "Ada", "That was the idea.", 0},
	{95 * time.Minute, "נועה", "שלום לכולם, אני כאן", 0},
	{90 * time.Minute, "Björn Ægirsson", "Is this all that it takes?\n```\ncurl -c jar -d user=ann $U/login\ncurl -b jar -d message=hi $U/post\n```", 0},
	{88 * time.Minute, "Ada", "Yes. And *curl -N* on `/stream` to listen.", 6},
}
