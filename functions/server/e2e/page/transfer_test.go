package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"
)

func TestOtherDeviceIsTheSameUser(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("from the laptop")
	ann.run(`document.querySelector(".bar__settings").click(), document.querySelector(".dialog__device").click()`)
	ann.await("the devices", `document.querySelectorAll('.devices__one').length === 1`)
	ann.run(`document.querySelector('.sheet .button').click()`)
	ann.await("the code", `document.querySelector('.device__code')?.naturalWidth > 0`)
	link := eval[string](ann, `document.querySelector('.device input').value`)

	phone := visit(t, link)
	phone.await("the question", `document.activeElement?.innerText === 'Sign in here'`)
	if at := eval[string](phone, `location.href`); at != s.URL+"/" {
		t.Errorf("the code is still in the address: %s", at)
	}
	phone.run(`document.activeElement.click()`)
	phone.awaitRoom()
	phone.await("one's own line", lineWith("from the laptop")+`?.matches('.line--mine')`)
	phone.tells("from the phone")
	ann.await("it as one's own", lineWith("from the phone")+`?.matches('.line--mine')`)

	late := visit(t, link, func(w *window) { w.setCut(true) })
	late.await("the question", `document.activeElement?.innerText === 'Sign in here'`)
	late.run(`document.activeElement.click()`)
	late.await("that it is good once", `document.querySelector('[role=alert]')?.innerText.startsWith('This link was used already')`)
}
