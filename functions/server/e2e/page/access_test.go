package page_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/testenv"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var axe = packed("axe-core", "4.14.1", "axe.min.js")

// packed is a file of a package, as npm has it.
func packed(name, version, file string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir := scratch
		out, err := exec.Command("npm", "pack", "--silent", "--pack-destination", dir, name+"@"+version).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("npm pack %s: %w: %s", name, err, out)
		}
		src, err := exec.Command("tar", "-xzOf", filepath.Join(dir, name+"-"+version+".tgz"), "package/"+file).Output()
		return string(src), err
	})
}

func (w *window) passesAxe(what string) {
	w.tb.Helper()
	src, err := axe()
	if err != nil {
		w.tb.Fatal(err)
	}
	w.run(`document.getAnimations().forEach(a => a.finish())`)
	eval[bool](w, "typeof axe === 'object' || (() => {"+src+"\n;return true})()")
	w.run(`axe.run().then(r => { window.found = r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')) })`)
	w.await("axe", "window.found")
	for _, violation := range eval[[]string](w, "window.found") {
		w.tb.Errorf("%s: %s", what, violation)
	}
	w.run("delete window.found")
}

func TestNothingStandsInAnybodysWay(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "npm")
	for _, scheme := range []string{"light", "dark"} {
		for _, as := range []struct{ phone, chinese bool }{{false, false}, {true, false}, {true, true}, {false, true}} {
			phone := as.phone
			t.Run(fmt.Sprintf("%s, phone %t, Chinese %t", scheme, phone, as.chinese), func(t *testing.T) {
				t.Parallel()
				word := func(english, chinese string) string {
					if as.chinese {
						return chinese
					}
					return english
				}
				s := process.Start(t, journal(t, talk))
				w := visit(t, s.URL, func(w *window) {
					if as.chinese {
						inChinese(w)
					}
				})
				w.device(phone, scheme)
				w.await("the login", `document.activeElement?.matches('input[name=user]')`)
				w.passesAxe("login")
				w.join("ann")
				w.tells("own line, see https://example.com")
				w.passesAxe("room")
				w.run(`document.querySelector('.bar__people').click()`)
				w.run(lineWith("own line") + `.focus()`)
				w.passesAxe("people and tools")
				w.run(`document.querySelector('.bar__settings').click()`)
				w.passesAxe("settings")
				w.run(`document.querySelector('.dialog').close()`)
				w.run(button(word("Close", "关闭")) + `.click()`)
				w.run(`document.querySelector('.bar__search').click()`)
				w.write("release")
				w.press(kb.Enter)
				w.await("the hits", hits+`.length > 0`)
				w.passesAxe("search")
				w.run(button(word("Close", "关闭")) + `.click()`)
				w.say("/help")
				w.await("the keys", `document.querySelector('dialog[open]')`)
				w.passesAxe("keys")
				w.press(kb.Escape)
				w.tool("own line", word("React", "表情回应"))
				w.run(button(word("Another emoji", "其他表情")) + `.click()`)
				w.await("the emoji", `document.querySelector('.picker button')`)
				w.passesAxe("emoji")
				w.press(kb.Escape)
				w.tool("own line", word("Delete", "删除"))
				w.await("a way back", button(word("Undo", "撤销")))
				w.passesAxe("undo")
				w.do(chromedp.Navigate(s.URL + "/?room=NO"))
				w.await("the problem", `document.querySelector('h1')?.innerText === `+quote(word("There is no such room", "没有这个房间")))
				w.passesAxe("problem")
				w.do(chromedp.Navigate(s.URL + "/r/garden"))
				w.awaitRoom()
				w.passesAxe("empty room")
				if _, _, err := s.Post(s.Login("bob"), "lobby", "for @ann", ""); err != nil {
					t.Fatal(err)
				}
				w.await("what is unread", `document.querySelector('.contents__list .place--mention')?.dataset.count === '@1'`)
				w.passesAxe("unread")
				if phone {
					w.click(".bar__rooms")
					w.await("the rooms", `document.querySelector('.contents').matches(':popover-open')`)
					w.passesAxe("rooms")
				}
				w.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
			})
		}
	}
}

// Forced colours take every colour of ours away: what shows state and focus is
// still there.
func TestForcedColoursShowTheSame(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "npm")
	s := process.Start(t, journal(t, talk))
	ann := visit(t, s.URL)
	send(ann, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	ann.await("forced colours", `matchMedia('(forced-colors: active)').matches && document.activeElement?.matches('input[name=user]')`)
	ann.focusShows()
	ann.passesAxe("login")
	ann.join("ann")
	ann.open("kitchen")
	ann.open("lobby")
	ann.tells("own line")
	ann.passesAxe("room")
	current := `getComputedStyle(document.querySelector('.place[aria-current]')).borderInlineStartWidth`
	if px := eval[string](ann, current); px != "2px" {
		t.Errorf("the room that one is in is marked by %s", px)
	}
	for range 8 {
		ann.press(kb.Tab)
		ann.focusShows()
	}
	ann.run(`document.querySelector('.bar__settings').click()`)
	ann.passesAxe("settings")
	ann.press(kb.Tab)
	ann.focusShows()
}

// focusShows checks that one sees where the focus is.
func (w *window) focusShows() {
	w.tb.Helper()
	where := eval[[]string](w, `(() => {
		const one = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(one)
		return [one.outerHTML.slice(0, 120), one === document.body || one === document.documentElement ? 'page' : outlineStyle, outlineWidth]
	})()`)
	if where[1] == "none" || where[2] == "0px" {
		w.tb.Errorf("the focus does not show on %s", where[0])
	}
}

// History is put on the screen while the log is busy, so that nobody is read
// two hundred old lines; what comes after is not.
func TestHistoryIsNotReadOut(t *testing.T) {
	t.Parallel()
	s := process.Start(t, journal(t, longTalk(200)))
	ann := visit(t, s.URL)
	ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
	ann.run(`(() => {
		window.aloud = []
		new MutationObserver(changes => {
			for (const { addedNodes, target } of changes) for (const node of addedNodes) {
				const log = target.closest?.('[role=log]')
				if (log && !log.ariaBusy && node.matches?.('.line')) window.aloud.push(node.innerText)
			}
		}).observe(document.body, { childList: true, subtree: true })
	})()`)
	ann.join("ann")
	ann.await("the lines", `document.querySelectorAll('.line').length >= 50`)
	bob := s.Login("bob")
	s.Post(bob, "lobby", "aloud", "")
	ann.sees("aloud")
	if aloud := eval[[]string](ann, "window.aloud"); len(aloud) != 1 || !strings.Contains(aloud[0], "aloud") {
		t.Errorf("read out: %q", aloud)
	}
}
