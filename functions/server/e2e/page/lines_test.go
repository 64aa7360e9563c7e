package page_test

import (
	"fmt"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp/kb"
)

// What was deleted or edited is read nowhere any more: not in a quote, not in
// a name for a screen reader, not in what one is just answering.
func TestQuotesSayWhatBecameOfTheirLine(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), visit(t, s.URL).join("bob")
	bob.tells("a secret")
	ann.sees("a secret")
	ann.tool("a secret", "Reply")
	ann.write("I heard it")
	ann.press(kb.Enter)
	ann.await("the quote", lineWith("I heard it")+`?.querySelector('.quote')?.ariaLabel === 'In reply to bob: a secret'`)
	ann.tool("a secret", "Reply")
	ann.await("what is answered", `document.querySelector('.composer__about').innerText.includes('a secret')`)
	bob.press(kb.ArrowUp)
	bob.await("the own line", `document.getElementById('box').value === 'a secret'`)
	bob.press("a", ctrl)
	bob.write("nothing")
	bob.press(kb.Enter)
	everywhere := `document.body.outerHTML.includes('a secret')`
	ann.await("the new words", lineWith("I heard it")+`?.querySelector('.quote')?.ariaLabel === 'In reply to bob: nothing' && !`+everywhere)
	bob.tool("nothing", "Delete")
	ann.await("no words", lineWith("I heard it")+`?.querySelector('.quote')?.textContent.includes('This message was deleted.') && document.querySelector('.composer__about').innerText.includes('This message was deleted.')`)
}

// A press on a quote leads to its line, however far back that is.
func TestQuoteOfALineThatIsNotLoadedLeadsThere(t *testing.T) {
	t.Parallel()
	lines := longTalk(600)
	lines = append(lines, spoken{0, "Ada", "long ago", 20})
	s := process.Start(t, journal(t, lines))
	ann := visit(t, s.URL).join("ann")
	ann.await("the quote", lineWith("long ago")+`?.querySelector('.quote')`)
	ann.run(lineWith("long ago") + `.querySelector('.quote').click()`)
	ann.await("the line", `document.activeElement?.textContent.includes('line 19 ') && `+onScreenJS+`(document.activeElement)`)
}

func TestTopicSaysWhoChangedIt(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("before")
	ann.run(`document.querySelector('.bar__settings').click()`)
	ann.run(`document.querySelector('.dialog [name=topic]').value = 'Saturday', document.querySelector('.dialog [name=topic]').dispatchEvent(new Event('change', { bubbles: true })), document.querySelector('.dialog').close()`)
	ann.await("who did it", `document.querySelector('.note')?.innerText === 'ann changed the topic to “Saturday”'`)
	ann.tells("after")
	ann.reload()
	ann.await("it stays in its place", `document.querySelector('.note')?.previousElementSibling.textContent.includes('before') && document.querySelector('.note').nextElementSibling.textContent.includes('after')`)
}

// A text that is longer than a screen is folded; all that is written in it is there.
func TestLongLinesFold(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	text := strings.TrimSpace(strings.Repeat("one more line\n", 60))
	if _, _, err := s.Post(bob, "lobby", text, ""); err != nil {
		t.Fatal(err)
	}
	ann.sees(text)
	height := lineWith("one more line") + `.querySelector('.line__text').clientHeight`
	folded := eval[int](ann, height)
	ann.run(button("Show all") + `.click()`)
	ann.await("all of it", fmt.Sprintf(`%s > 3 * %d`, height, folded))
	ann.run(button("Show less") + `.click()`)
	ann.await("folded again", fmt.Sprintf(`%s === %d`, height, folded))
}

// A person is mentioned by a press, names are offered after Chinese text too,
// and the log scrolls from the box.
func TestPeopleAreMentionedInAnyScript(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longTalk(100)))
	ann, bob := visit(t, s.URL).join("ann"), visit(t, s.URL).join("小明")
	ann.run(`document.querySelector('.bar__people').click()`)
	ann.await("the other", `document.querySelector('button.person')`)
	ann.run(`[...document.querySelectorAll('button.person')].find(one => one.textContent === '小明').click()`)
	ann.await("the name in the box", `document.getElementById('box').value === '@小明 ' && document.activeElement?.id === 'box'`)
	ann.press("a", ctrl)
	ann.write("你好@")
	ann.await("the names", `document.querySelector('#names [role=option]')?.textContent`)
	ann.press("a", ctrl)
	ann.write("你好@小明你怎么看")
	ann.press(kb.Enter)
	bob.await("the mention", `document.querySelector('.line--mention .mention--me')?.textContent === '@小明'`)
	ann.press(kb.PageUp)
	ann.await("what was before", `document.querySelector('.log').scrollTop < document.querySelector('.log').scrollHeight - 1.5 * document.querySelector('.log').clientHeight && document.activeElement?.id === 'box'`)
}
