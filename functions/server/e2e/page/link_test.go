package page_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/process"
)

// A link that died without a word is mended within 50 s, and a machine with
// much else to do is given the time for it.
const notices = 90 * time.Second

// numbered are n texts that tell their order.
func numbered(what string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s %02d", what, i)
	}
	return texts
}

// shows waits until a window shows these lines and no others.
func (w *window) shows(what string, want []string) {
	w.tb.Helper()
	w.awaitFor(notices, what, fmt.Sprintf("%s.length >= %d", linesJS, len(want)))
	if got := w.lines(); !slices.Equal(got, want) {
		w.tb.Errorf("%s: the screen has %q, want %q", what, got, want)
	}
}

func TestNothingIsMissedOrDoubledOffline(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	p := network.StartProxy(t, s.URL)
	ann, bob := visit(t, "http://"+p.Addr).join("ann"), s.Login("bob")
	ann.tells("before")
	ann.offline(true) // which spares what is open
	p.Part(true)
	want := append([]string{"before"}, numbered("while away", 20)...)
	for _, text := range want[1:] {
		if _, _, err := s.Post(bob, "lobby", text, ""); err != nil {
			t.Fatal(err)
		}
	}
	own := numbered("written away", 3)
	for _, text := range own {
		ann.say(text)
		ann.sees(text) // at once, and kept
	}
	ann.await("the truth about the link", `document.querySelector('[role=status]').innerText.includes('your messages are kept')`)
	p.Part(false)
	ann.offline(false)
	ann.shows("what was said meanwhile", append(want, own...))
	ann.await("that they were sent", `!document.querySelector('.line--sending, .line--failed')`)
	visit(t, s.URL).join("cat").shows("a fresh load", append(want, own...))
}

func TestServerThatDiesLosesNothing(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, visit func(url string) *window) {
		s := process.Start(t)
		ann, bob := visit(s.URL).join("ann"), visit(s.URL).join("bob")
		ann.tells("before")
		bob.sees("before")
		ann.setCut(true)
		bob.setCut(true)
		s.Kill()
		ann.say("into the dark")
		ann.sees("into the dark")
		ann.await("that it was not sent", lineWith("into the dark")+`.innerText.includes('Not sent.') && document.querySelectorAll('.line--failed button').length === 2`)
		s.Restart()
		want := []string{"before", "into the dark"}
		bob.shows("what came after", want)
		ann.shows("the own line", want)
		ann.await("that it was sent", `!document.querySelector('.line--failed, .line--sending')`)
		bob.say("back again")
		ann.shows("live again", append(want, "back again"))
	})
}

func TestPageComesBackWithoutServerAndKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, visit func(url string) *window) {
		s := process.Start(t)
		ann := visit(s.URL).join("ann")
		ann.tells("before")
		ann.await("the worker", `navigator.serviceWorker.controller`)
		ann.awaitShell()
		ann.setCut(true)
		s.Kill()
		ann.say("unsent")
		ann.sees("unsent")
		ann.write("a draft")
		ann.reload() // from the browser's own copy
		ann.await("the saved copy", `document.querySelector('.log__note').innerText.includes('Saved copy')`)
		ann.shows("the saved copy", []string{"before", "unsent"})
		ann.await("the draft", `document.getElementById('box').value === 'a draft'`)
		s.Restart()
		ann.await("the live room", `document.querySelector('.log__note').hidden && !document.querySelector('.line--failed, .line--sending')`)
		ann.reload()
		ann.shows("sent once", []string{"before", "unsent"})
	})
}

// awaitShell waits until the service worker has every file of the page.
func (w *window) awaitShell() {
	w.tb.Helper()
	w.run(`(async () => {
		const files = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter(path => /^\/app\//.test(path))
		for (const file of ['/', ...files]) while (!await caches.match(file)) await new Promise(f => setTimeout(f, 20))
		window.kept = true
	})()`)
	w.await("every file kept", "window.kept")
}

func TestLinkThatDiesSilentlyIsMended(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	p := network.StartProxy(t, s.URL)
	ann, bob := visit(t, "http://"+p.Addr).join("ann"), s.Login("bob")
	ann.tells("before")
	ann.setCut(true)
	p.Strand()
	if _, _, err := s.Post(bob, "lobby", "while deaf", ""); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ann.shows("what was missed", []string{"before", "while deaf"})
	t.Logf("mended after %s", time.Since(began).Round(time.Second))
}

func TestSevenTabsOfOneBrowserAreLive(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	first := visit(t, s.URL).join("ann")
	tabs := []*window{first}
	for range 6 {
		tab := first.tab(s.URL)
		tab.awaitRoom()
		tabs = append(tabs, tab)
	}
	bob := s.Login("bob")
	for i, text := range numbered("to all", 3) {
		if _, _, err := s.Post(bob, "lobby", text, ""); err != nil {
			t.Fatal(err)
		}
		for _, tab := range tabs {
			tab.sees(text)
		}
		if i == 0 { // the tab that held the stream goes
			first.run(`location = 'about:blank'`)
			tabs = tabs[1:]
		}
	}
	tabs[3].say("from a tab")
	for _, tab := range tabs {
		tab.shows("the same", append(numbered("to all", 3), "from a tab"))
	}
}
