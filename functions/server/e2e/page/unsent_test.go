package page_test

import (
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// What was edited, reacted and deleted while the server is dead is on the
// screen at once, survives a reload, and happens when the server is back.
func TestChangesOutliveADeadServer(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), visit(t, s.URL).join("bob")
	ann.tells("to delete")
	bob.tells("from bob")
	ann.tells("first words")
	ann.awaitShell()
	ann.setCut(true)
	bob.setCut(true)
	s.Kill()

	ann.press(kb.ArrowUp)
	ann.await("the own line in the box", `document.getElementById('box').value === 'first words'`)
	ann.press("a", ctrl)
	ann.write("better words")
	ann.press(kb.Enter)
	ann.sees("better words (edited)")
	ann.await("that it is not saved", lineWith("better words")+`.innerText.includes('Not saved.')`)
	ann.tool("from bob", "React")
	ann.await("the row", `document.activeElement?.ariaLabel === 'React with 👍'`)
	ann.press(kb.Enter)
	ann.await("the reaction", `document.querySelector('.reaction')?.textContent === '👍 1'`)
	ann.tool("to delete", "Delete")
	ann.sees("This message was deleted.")

	ann.reload()
	ann.sees("better words (edited)")
	s.Restart()
	bob.sees("better words (edited)")
	bob.await("the reaction", `document.querySelector('.reaction')?.textContent === '👍 1'`)
	bob.sees("This message was deleted.")
	ann.await("nothing unsent", `!document.querySelector('.line--failed, .line--sending') && !Object.keys(localStorage).some(key => key.startsWith('confab.outbox.'))`)
	if lines := ann.lines(); len(lines) != 3 {
		t.Errorf("the lines are %q", lines)
	}
}

// A deletion waits a little, and can be taken back until then.
func TestDeletionCanBeTakenBack(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), visit(t, s.URL).join("bob")
	ann.tells("a slip of the finger")
	bob.sees("a slip of the finger")
	ann.tool("a slip of the finger", "Delete")
	ann.sees("This message was deleted.")
	ann.run(button("Undo") + `.click()`)
	ann.sees("a slip of the finger")
	ann.tells("later")
	bob.sees("later")
	bob.sees("a slip of the finger")

	ann.tool("later", "Delete")
	ann.sees("This message was deleted.")
	ann.run(`location = 'about:blank'`) // who goes away does not wait for it
	bob.sees("This message was deleted.")
}

// A session that ended by itself loses nothing, whatever name comes back.
func TestLineOutlivesTheSession(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("before")
	ann.setCut(true)
	send(ann, network.ClearBrowserCookies, cdp.Empty{})
	ann.say("said without a session")
	ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
	ann.await("why", `document.querySelector('[role=alert]').innerText.startsWith('You were signed out')`)
	ann.press("a", ctrl)
	ann.write("anna")
	ann.press(kb.Enter)
	ann.awaitRoom()
	ann.await("the line, sent under the new name", lineWith("said without a session")+`?.dataset.id`)
	if got := visit(t, s.URL).join("cat").lines(); strings.Join(got, "|") != "before|said without a session" {
		t.Errorf("another screen shows %q", got)
	}
}

// One's own name may still be in use, by the session that just ended: the page
// says so, waits, and goes in.
func TestOwnGhostIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ghost := visit(t, s.URL).join("ann")
	ann := visit(t, s.URL, func(w *window) { w.setCut(true) }, before(`localStorage['confab.name'] ??= '"ann"'`))
	ann.await("the login", `document.querySelector('input[name=user]')?.value === 'ann'`)
	ann.press(kb.Enter)
	ann.await("what it waits for", `document.querySelector('[role=alert]').innerText.includes('If that was you, wait ten seconds')`)
	ghost.run(`location = 'about:blank'`)
	ann.awaitFor(notices, "the room", `document.activeElement?.id === 'box'`)
}
