package page_test

import (
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// A phone that is turned, or a panel that opens, leaves the line that one reads
// where it is.
func TestWidthMovesNothingThatIsRead(t *testing.T) {
	t.Parallel()
	lines := longTalk(200)
	for i := range lines {
		lines[i].text += strings.Repeat(" and more words", 8)
	}
	s := process.Start(t, journal(t, lines))
	ann := visit(t, s.URL).join("ann")
	ann.device(false, "light")
	ann.await("the lines", `document.querySelectorAll('.line').length >= 50`)
	ann.run(`document.querySelector('.log').scrollBy(0, -1500)`)
	first := `[...document.querySelectorAll('.line')].find(li => li.getBoundingClientRect().bottom > document.querySelector('.log').getBoundingClientRect().top + 8)?.dataset.id`
	settle := func() {
		ann.run(`window.settled = false, requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => { window.settled = true }, 100)))`)
		ann.await("that it was drawn", `window.settled`)
	}
	settle()
	read := eval[string](ann, first)
	for what, change := range map[string]func(){
		"a phone":      func() { ann.touch(390, 844) },
		"it is turned": func() { ann.touch(844, 390) },
		"a desktop":    func() { ann.device(false, "light") },
		"the panel":    func() { ann.run(`document.querySelector('.bar__people').click()`) },
	} {
		change()
		settle()
		if now := eval[string](ann, first); now != read {
			t.Errorf("%s: line %s is read instead of %s", what, now, read)
		}
	}
}

// What is printed is what is loaded, and nothing that is to be pressed.
func TestPrintHoldsWhatIsLoaded(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longTalk(60)))
	ann := visit(t, s.URL).join("ann")
	ann.await("the lines", `document.querySelectorAll('.line').length >= 50`)
	send(ann, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	ann.await("all lines on the paper", `document.querySelector('.log').scrollHeight <= document.querySelector('.log').clientHeight + 1 && document.documentElement.scrollHeight > 2 * innerHeight`)
	if pressed := eval[[]string](ann, `[...document.querySelectorAll('button, textarea, input')].filter(one => one.checkVisibility()).map(one => one.className)`); len(pressed) > 0 {
		t.Errorf("on paper one can press %q", pressed)
	}
	if pdf := send(ann, page.PrintToPDF, page.PrintToPDFParams{}); len(pdf.Data) == 0 {
		t.Error("nothing was printed")
	}
}
