package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp/kb"
)

const devices = `[...document.querySelectorAll('.devices__one')]`

// showsDevices opens the list of devices, of which there are so many.
func (w *window) showsDevices(n string) {
	w.tb.Helper()
	w.run(`document.querySelector('.bar__settings').click(), document.querySelector('.dialog__device').click()`)
	w.await("the devices", devices+`.length === `+n)
}

// asWell signs another window in as the same user.
func (w *window) asWell(ready ...func(*window)) *window {
	w.tb.Helper()
	w.showsDevices("1")
	w.run(`document.querySelector('.sheet .button').click()`)
	w.await("the code", `document.querySelector('.device__code')?.naturalWidth > 0`)
	link := eval[string](w, `document.querySelector('.device input').value`)
	w.press(kb.Escape)
	other := visit(w.tb, link, ready...)
	other.await("the question", `document.activeElement?.closest('.login')`)
	other.run(`document.activeElement.click()`)
	other.awaitRoom()
	return other
}

func TestDeviceIsSignedOutByKeyboard(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	phone := ann.asWell()
	phone.setCut(true) // it is refused, which is meant
	ann.showsDevices("2")
	ann.passesAxe("devices")
	ann.await("what they are", devices+`.map(one => one.querySelector('.devices__when').textContent).some(text => text === 'This device') && `+devices+`.every(one => one.innerText.includes('Chrome on Linux'))`)
	ann.run(`document.querySelector('.devices__one button').focus()`)
	ann.await("its name", `document.activeElement.ariaLabel.startsWith('Sign out of ')`)
	ann.press(kb.Enter)
	ann.await("the question", `document.activeElement.textContent === 'Press again to sign it out'`)
	ann.passesAxe("the question")
	ann.press(kb.Enter)
	ann.await("that it is gone", devices+`.length === 1 && document.activeElement?.closest('.sheet')`)
	phone.awaitFor(2*onScreen, "that it is signed out", `document.body.innerText.includes('You were signed out')`)
	ann.press(kb.Escape)
	ann.tells("still here")
}

func TestSignedOutEverywhereElseByFinger(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL, inChinese, func(w *window) { w.touch(390, 844) }).join("ann")
	phone := ann.asWell(inChinese)
	phone.setCut(true) // it is refused, which is meant
	ann.showsDevices("2")
	ann.run(`document.querySelectorAll('.devices__name').forEach(name => name.textContent = 'ann')`) // a name
	ann.run(`document.querySelectorAll('.devices__one button').forEach(button => button.ariaLabel = button.ariaLabel.replace(/让 .* 退/, '让 ann 退'))`)
	ann.speaksChinese("devices")
	for _, name := range []string{"退出其他所有设备", "再按一次，退出其他所有设备"} {
		ann.isReachable(button(name))
		ann.tap(button(name))
	}
	ann.await("that it is the only one", devices+`.length === 1`)
	phone.awaitFor(2*onScreen, "that it is signed out", `document.activeElement?.matches('input[name=user]')`)
	ann.press(kb.Escape)
	ann.tap(`document.getElementById('box')`)
	ann.await("the box", `document.activeElement?.id === 'box'`)
	ann.write("你好")
	ann.tap(button("发送"))
	ann.await("that it was sent", lineWith("你好")+`?.dataset.id`)
	// who says the name there is somebody else now
	phone.write("bea")
	phone.press(kb.Enter)
	phone.awaitRoom()
	phone.await("another's line", lineWith("你好")+` && !`+lineWith("你好")+`.matches('.line--mine')`)
}

func TestNameIsChangedInTheSettings(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("as ann")
	ann.showsDevices("1")
	ann.run(button("Choose another name") + `.click()`)
	ann.await("the question", `document.activeElement?.matches('.rename input')`)
	ann.passesAxe("another name")
	ann.run(`document.activeElement.select()`)
	ann.write("Anna")
	ann.press(kb.Enter)
	ann.await("the new name", `document.querySelector('.bar__people') && document.body.innerText.includes('Anna (you)')`)
	ann.await("one's own line", lineWith("as ann")+`?.matches('.line--mine')`)
	ann.tells("as Anna")
}
