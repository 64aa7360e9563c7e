package page_test

import (
	"fmt"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"
)

// Every screen of a room that belongs to somebody: without a violation, in the
// language of its reader, and within the width.
func TestKeepingARoomStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "npm")
	for i, as := range []struct {
		scheme         string
		phone, chinese bool
	}{{"light", true, false}, {"dark", true, true}, {"dark", false, false}, {"light", false, true}} {
		t.Run(fmt.Sprintf("%s, phone %t, Chinese %t", as.scheme, as.phone, as.chinese), func(t *testing.T) {
			t.Parallel()
			word := func(english, chinese string) string {
				if as.chinese {
					return chinese
				}
				return english
			}
			looksAs := func(w *window) {
				if as.chinese {
					inChinese(w)
				}
				w.device(as.phone, as.scheme)
				if as.phone {
					w.touch(390, 844)
					send(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
						{Name: "pointer", Value: "coarse"}, {Name: "hover", Value: "none"}, {Name: "prefers-color-scheme", Value: as.scheme}}})
				}
			}
			s := process.Start(t)
			ann := visit(t, s.URL, looksAs).join("ann")
			looks := func(w *window, what string) {
				t.Helper()
				w.passesAxe(what)
				w.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
				if as.chinese {
					w.speaksChinese(what)
				}
				w.pictures(fmt.Sprintf("%d-%s", i, what))
			}
			ann.run(`document.querySelector('.finder button').click()`)
			ann.await("the dialog", `document.activeElement?.name === 'title'`)
			ann.write("花园")
			looks(ann, "make")
			ann.run(button(word("Make the room", "创建房间")) + `.click()`)
			ann.await("the room", `decodeURI(location.pathname) === '/r/花园' && document.activeElement?.id === 'box' && !document.querySelector('.bar__about').hidden`)
			bob := visit(t, s.URL+"/r/%E8%8A%B1%E5%9B%AD", looksAs, func(w *window) { w.setCut(true) }).join("bob")
			say := func(w *window, text string) {
				w.run(`document.getElementById('box').focus()`)
				w.write(text)
				w.run(button(word("Send", "发送")) + `.click()`)
				w.await("that it was sent", lineWith(text)+`?.dataset.id`)
			}
			say(bob, "你好")
			ann.sees("你好")
			looks(ann, "room")
			ann.run(`document.querySelector('.bar__about').click()`)
			ann.await("the panel", `document.querySelector('#about .panel__row + .panel__row, #about ul:nth-of-type(2) .panel__row')`)
			ann.run(button(word("Make a link", "生成链接")) + `.click()`)
			ann.await("the code", `document.querySelector('.invite__code')?.naturalWidth > 0`)
			looks(ann, "invite")
			ann.run(`document.querySelector('#about section:nth-of-type(3)').scrollIntoView()`)
			ann.pictures(fmt.Sprintf("%d-rules", i))
			link := eval[string](ann, `document.querySelector('.invite input').value`)
			ann.run(`document.querySelector('#about [data-user]').click()`)
			ann.await("the person", `document.querySelector('dialog[open] .entry')`)
			looks(ann, "person")
			ann.run(button(word("Mute for 10 minutes", "禁言 10 分钟")) + `.click()`)
			bob.await("why not", `document.querySelector('.composer__why')?.textContent`)
			looks(bob, "muted")
			ann.await("it in the list", `document.querySelector('#about section:nth-of-type(4) .panel__row')`)
			looks(ann, "stopped")
			ann.run(`document.querySelector('#about [data-user]').click()`)
			ann.run(button(word("Ban…", "封禁…")) + `.click()`)
			ann.await("the question", `document.querySelector('dialog[open] .ask')`)
			looks(ann, "ban")
			ann.press(kb.Escape)
			ann.press(kb.Escape)
			cat := visit(t, link, looksAs, func(w *window) { w.setCut(true) })
			cat.await("the invite", `document.activeElement?.matches('input[name=user]')`)
			looks(cat, "join")
			cat.write("Ada")
			cat.press(kb.Enter)
			cat.awaitRoom()
			say(cat, "@ann 来了")
			ann.sees("@ann 来了")
			ann.run(`(document.querySelector('.bar__rooms').checkVisibility() && document.querySelector('.bar__rooms').click(), document.querySelector('.contents__for').click())`)
			ann.await("the notice", `document.querySelector('#for-you .hit')`)
			looks(ann, "for you")
			late := visit(t, s.URL+"/join/forged", looksAs, func(w *window) { w.setCut(true) })
			late.await("that it is not good", `document.activeElement?.matches('h1')`)
			looks(late, "late")
		})
	}
}
