package page_test

import (
	"fmt"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A room is called as people write. Its address is percent-encoded, and leads
// there by the finder, a link, a reload, the back button, and without a script.
func TestRoomIsNamedInAnyScript(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	const path = "/r/%E9%A1%B9%E7%9B%AE"
	ann := visit(t, s.URL+path)
	ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
	ann.join("ann")
	there := `document.querySelector('h1 bdi').textContent === '项目' && document.title === '项目' && location.pathname === '` + path + `'`
	ann.await("the room that the address named", there)
	ann.tells("你好")
	ann.open("田中ken")
	ann.await("its address", `decodeURIComponent(location.pathname) === '/r/田中ken'`)
	ann.tells("second")
	ann.run(`history.back()`)
	ann.await("the room before", there)
	ann.sees("你好")
	ann.reload()
	ann.await("the same", there)
	ann.sees("你好")
	if _, _, err := s.Post(s.Login("bob"), "田中ken", "for @ann", ""); err != nil {
		t.Fatal(err)
	}
	ann.await("what is unread there", `[...document.querySelectorAll('.contents__list .place--mention')].some(a => a.ariaLabel === '田中ken, 1 unread, you are mentioned')`)
	ann.run(`document.querySelector('.contents__list .place--mention').click()`)
	ann.sees("for @ann")
	ann.press("k", chromedp.ModifierCtrl)
	ann.write("ＣＡＦＥ\u0301 Neu")
	ann.press(kb.Enter)
	ann.await("one form of a name", `document.title === 'café-neu' && document.activeElement?.id === 'box'`)
	ann.press("k", chromedp.ModifierCtrl)
	ann.await("the finder", `document.activeElement?.id === 'find'`)
	ann.write("lоbby") // with a Cyrillic о
	ann.press(kb.Enter)
	refusal := `document.title === 'café-neu' && document.querySelector('.finder__box').validationMessage`
	ann.await("a refusal", refusal)
	lists := `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/rooms')).length`
	for range 2 { // once the second list is there, the first was drawn
		n := eval[int](ann, lists)
		ann.run(`document.querySelector('.finder__box').dispatchEvent(new Event('focus'))`)
		ann.await("the rooms, late", fmt.Sprint(lists, " > ", n))
	}
	ann.await("the refusal still", refusal)

	cat := visit(t, s.URL+path, signedIn(s, "cat"), withoutScript)
	cat.await("the lines without a script", `document.querySelector('.lines .line__text')?.textContent === '你好' && document.querySelector('h1 bdi').textContent === '项目'`)
	cat.do(chromedp.SendKeys(chromedp.CSS("#box"), "by hand"), chromedp.Click(chromedp.CSS(".composer__send")))
	cat.await("the line", `document.querySelector('.lines .line:last-child .line__text')?.textContent === 'by hand'`)
}
