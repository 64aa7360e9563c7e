package page_test

import (
	"fmt"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const hits = `[...document.querySelectorAll('.search__list .hit')].map(a => a.querySelector('.hit__text').textContent)`

// asked is whether the line with this text is marked, has the focus and is on the screen.
func asked(text string) string {
	return fmt.Sprintf(`(() => {
		const line = document.querySelector('.line--asked'), box = line?.getBoundingClientRect(), log = document.querySelector('.log').getBoundingClientRect()
		return line?.textContent.includes(%s) && document.activeElement === line && box.top >= log.top && box.bottom <= log.bottom
	})()`, quote(text))
}

// longAgo is a talk in which the same was said often, long before its end.
func longAgo() []spoken {
	lines := longTalk(700)
	for i := range 45 {
		lines[i*5].text = fmt.Sprint("The Needle number ", i, ".")
	}
	lines[3].text = "我家在上海东边"
	return lines
}

func TestSearchByKeysFindsAndGoesThere(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longAgo()))
	ann := visit(t, s.URL, func(w *window) { w.device(false, "light") }).join("ann")
	ann.press("F", chromedp.ModifierCtrl, chromedp.ModifierShift)
	ann.await("the box", `document.activeElement?.matches('.search__box') && document.activeElement.ariaLabel === 'Search lobby'`)
	ann.write("needle")
	ann.press(kb.Enter)
	ann.await("the hits, newest first", `(hits => hits.length === 20 && hits[0] === 'The Needle number 44.' && hits[19] === 'The Needle number 25.')(`+hits+`)`)
	ann.await("how many", `document.querySelector('.search__said').textContent === '20 messages, newest first' && document.querySelector('.hit mark').textContent === 'Needle'`)
	ann.run(button("Search older messages") + `.click()`)
	ann.await("more, and the focus at the first of it", `(hits => hits.length === 40 && hits[39] === 'The Needle number 5.')(`+hits+`) && document.activeElement.textContent.includes('number 24.')`)
	ann.run(button("Search older messages") + `.click()`)
	ann.await("all", hits+`.length === 45 && document.querySelector('.search__more').hidden`)
	ann.press(kb.ArrowUp)
	ann.press(kb.ArrowDown)
	ann.press(kb.ArrowDown)
	ann.press(kb.Enter)
	ann.await("the line in its context", asked("The Needle number 3."))
	ann.await("its neighbours", `document.querySelectorAll('.line').length > 50`)
	if !eval[bool](ann, `document.querySelector('.search').checkVisibility()`) {
		t.Error("the hits went away, though there is room for them")
	}
	ann.press(kb.Escape)
	ann.await("no search", `document.querySelector('.search').hidden`)
	ann.press("F", chromedp.ModifierCtrl, chromedp.ModifierShift)
	ann.write("上海")
	ann.press(kb.Enter)
	ann.await("part of a sentence", hits+`.join() === '我家在上海东边'`)
	ann.write("x")
	ann.press(kb.Enter)
	ann.await("nothing", `document.querySelector('.search__said').textContent.startsWith('Nothing found')`)
}

func TestSearchByFinger(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{390, 820} {
		t.Run(fmt.Sprint(width, " pixels"), func(t *testing.T) {
			t.Parallel()
			s := process.Start(t, journal(t, longAgo()))
			ann := visit(t, s.URL, func(w *window) { w.touch(width, 844) }).join("ann")
			for range 2 { // what was found is there again
				ann.isReachable(`document.querySelector('.bar__search')`)
				ann.tap(`document.querySelector('.bar__search')`)
				ann.await("the box", `document.activeElement?.matches('.search__box')`)
				if eval[int](ann, hits+`.length`) == 0 {
					ann.write("needle")
					ann.isReachable(`document.querySelector('.search__form button')`)
					ann.tap(`document.querySelector('.search__form button')`)
				}
				ann.await("the hits", hits+`.length === 20`)
				ann.isReachable(`document.querySelectorAll('.hit')[2]`)
				ann.tap(`document.querySelectorAll('.hit')[2]`)
				ann.await("the line in its context, and nothing over it", asked("The Needle number 42.")+` && document.querySelector('.search').hidden`)
			}
			ann.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
		})
	}
}

// What was found reads as the room does now: nobody reads on what was deleted.
func TestSearchForgetsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longTalk(20)))
	ann, bob := visit(t, s.URL).join("ann"), visit(t, s.URL).join("bob")
	bob.tells("a secret word")
	bob.tells("a secret name")
	ann.sees("a secret name")
	ann.press("F", chromedp.ModifierCtrl, chromedp.ModifierShift)
	ann.write("secret")
	ann.press(kb.Enter)
	ann.await("the hits", hits+`.length === 2`)
	bob.tool("a secret word", "Delete")
	ann.await("one hit less", hits+`.join() === 'a secret name' && document.querySelector('.search__said').textContent.startsWith('1 message,')`)
	bob.tool("a secret name", "Edit")
	bob.run(`document.getElementById('box').select()`)
	bob.write("a public name")
	bob.press(kb.Enter)
	ann.await("the hit as it reads now", hits+`.join() === 'a public name'`)
	ann.open("kitchen")
	ann.await("nothing of the last room", `document.querySelector('.search').hidden && !document.querySelector('.hit')`)
}

// A search that is refused says why, and what it found stays.
func TestSearchSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longAgo()))
	ann := visit(t, s.URL).join("ann")
	ann.run(`document.querySelector('.bar__search').click()`)
	ann.write("needle")
	ann.press(kb.Enter)
	ann.await("the hits", hits+`.length === 20`)
	ann.setCut(true)
	s.Kill()
	ann.run(button("Search older messages") + `.click()`)
	ann.awaitFor(time.Minute, "why not", `document.querySelector('.search__said').textContent.startsWith('The chat can’t be reached') && `+hits+`.length === 20`)
	s.Restart()
	ann.run(button("Search older messages") + `.click()`)
	ann.await("more", hits+`.length === 40`)
}
