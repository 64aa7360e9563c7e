package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const ctrl = chromedp.ModifierCtrl

// memory are the names of what the browser keeps of a conversation.
const memory = `Object.keys(localStorage).filter(key => key.startsWith('confab.') && !/^confab\.(settings|name|limits|transports|ways)$/.test(key)).join(' ')`

// Whoever signs out is asked once if something is unsent, and leaves nothing on the device.
func TestSigningOutForgetsTheConversation(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("a secret")
	ann.open("kitchen")
	ann.write("a draft")
	out := func() {
		ann.run(`document.querySelector('.bar__settings').click()`)
		ann.await("the settings", `document.querySelector('dialog[open]')`)
		ann.run(button("Sign out") + `.click()`)
	}
	out()
	ann.await("the question", `document.querySelector('dialog[open]')?.innerText.includes('was not sent yet')`)
	ann.run(button("Cancel") + `.click()`)
	ann.await("the draft", `!document.querySelector('dialog') && document.getElementById('box').value === 'a draft'`)
	out()
	ann.await("the question again", button("Sign out and forget it"))
	ann.run(button("Sign out and forget it") + `.click()`)
	ann.await("the login", `document.querySelector('input[name=user]')?.value === 'ann'`)
	if kept := eval[string](ann, memory); kept != "" {
		t.Errorf("the browser still keeps %s", kept)
	}
}

// Two tabs write two drafts, and a draft whose tab is gone is not lost.
func TestTwoTabsKeepTwoDrafts(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	one := visit(t, s.URL).join("ann")
	one.write("the first")
	two := one.tab(s.URL)
	two.awaitRoom()
	two.write("the second")
	one.reload()
	one.await("the own draft", `document.getElementById('box').value === 'the first'`)
	two.reload()
	two.await("the own draft", `document.getElementById('box').value === 'the second'`)
	two.run(`location = 'about:blank'`)
	three := one.tab(s.URL)
	three.awaitRoom()
	three.await("the draft that was left", `document.getElementById('box').value === 'the second'`)
}

// What is meant for the page is not said to all.
func TestUnknownCommandIsNotPosted(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.say("/shrug you")
	ann.await("what happened", `document.querySelector('.link').innerText.includes('There is no command /shrug')`)
	ann.await("that it is still there", `document.getElementById('box').value === '/shrug you'`)
	ann.press("a", ctrl)
	ann.say("/help")
	ann.await("the keys", `document.querySelector('dialog[open]')?.innerText.includes('Ctrl+K')`)
	ann.press(kb.Escape)
	ann.say("//shrug you")
	ann.sees("/shrug you")
	ann.tells("/etc/passwd is a file")
	if got := ann.lines(); len(got) != 2 || got[0] != "/shrug you" {
		t.Errorf("posted %q", got)
	}
	ann.run(`document.querySelector('.log').focus()`)
	ann.press("?")
	ann.await("the keys", `document.querySelector('dialog[open]')`)
}

// A file that slips from the hand does not take the chat's place.
func TestDroppedFileDoesNotLeaveTheChat(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	dropped := eval[bool](ann, `(() => {
		const files = new DataTransfer()
		files.items.add(new File(['x'], 'x.txt'))
		return document.querySelector('.log').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }))
	})()`)
	if dropped {
		t.Error("the browser would open the file")
	}
	ann.await("what happened", `document.querySelector('.link').innerText.includes('Files cannot be sent yet')`)
}
