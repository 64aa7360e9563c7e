package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"
)

// inChinese makes the browser one that asks for Chinese first.
func inChinese(w *window) {
	w.tb.Helper()
	agent := eval[string](w, "navigator.userAgent")
	send(w, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: "zh-CN,zh;q=0.9"})
}

// foreign is what stands on the screen, or is read out, in Latin letters, but
// for names and what was written.
const foreign = `(() => {
	const said = []
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT)
	for (let node = walk.nextNode(); node; node = walk.nextNode()) {
		const { parentElement: at } = node
		if (node.nodeType === Node.TEXT_NODE && !at.closest('template, noscript, script, style, .line__text')) said.push(node.textContent)
		if (node.nodeType === Node.ELEMENT_NODE) for (const name of ['aria-label', 'title', 'placeholder', 'alt']) said.push(node.getAttribute(name) ?? '')
	}
	return [...said, document.title].filter(text => /[a-z]{2,}/i.test(text.replace(/Confab|lobby|kitchen|ann|bob|Ada|Enter|Shift/g, '')))
})()`

func (w *window) speaksChinese(where string) {
	w.tb.Helper()
	if said := eval[[]string](w, foreign); len(said) > 0 {
		w.tb.Errorf("%s: not in Chinese: %q", where, said)
	}
}

func TestEveryWordIsChineseForWhoReadsChinese(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, talk[3:4]))
	ann, bob := visit(t, s.URL, inChinese), s.Login("bob")
	ann.await("the login", `document.documentElement.lang === 'zh' && document.activeElement?.matches('input[name=user]')`)
	ann.speaksChinese("login")
	ann.press(kb.Enter)
	ann.await("what is missing", `document.querySelector('[role=alert]').innerText === '请先输入昵称。'`)
	ann.join("ann")
	ann.tells("你好")
	if _, _, err := s.Post(bob, "lobby", "@ann 你好", ""); err != nil {
		t.Fatal(err)
	}
	ann.sees("@ann 你好")
	ann.speaksChinese("room")
	ann.run(`document.querySelector('.bar__search').click()`)
	ann.write("你好")
	ann.press(kb.Enter)
	ann.await("the hits", hits+`.length === 2`)
	ann.speaksChinese("search")
	ann.write("没有")
	ann.press(kb.Enter)
	ann.await("nothing", hits+`.length === 0 && document.querySelector('.search__said').textContent.startsWith('没有')`)
	ann.press(kb.Escape)
	ann.open("kitchen")
	ann.await("an empty room", `document.querySelector('.log__begin').innerText === '还没有消息，打个招呼吧。'`)
	ann.run(`document.querySelector('.bar__people').click()`)
	ann.speaksChinese("empty room, people")
	ann.run(`document.querySelector('.bar__settings').click()`)
	ann.speaksChinese("settings")
	ann.run(`document.querySelector('.dialog').close()`)
	ann.say("/help")
	ann.await("the keys", `document.querySelector('dialog[open]')`)
	ann.run(`document.querySelectorAll('kbd').forEach(key => key.remove())`) // keys are called as they are
	ann.speaksChinese("keys")
	ann.press(kb.Escape)
	ann.run(`document.querySelector('.contents__list .place').click()`)
	ann.await("the lobby", `document.title === 'lobby'`)
	ann.tells("写错了")
	ann.tool("写错了", "删除")
	ann.await("a way back", button("撤销"))
	ann.speaksChinese("undo")
}
