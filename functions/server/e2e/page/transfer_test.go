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

	if read := ann.photographs(`document.querySelector('.device__code')`); read != link {
		t.Errorf("the code reads %q, the link is %s", read, link)
	}

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

// jsQR reads QR codes from pixels, as a camera sees them.
var jsQR = packed("jsqr", "1.4.0", "dist/jsQR.js")

// photographs is what a picture of a QR code says, at the size at which it is
// shown, on the ground that it is shown on.
func (w *window) photographs(picture string) string {
	w.tb.Helper()
	src, err := jsQR()
	if err != nil {
		w.tb.Fatal(err)
	}
	eval[bool](w, "typeof jsQR === 'function' || (() => {"+src+"\n;return true}).call(window)")
	return eval[string](w, `(() => {
		const picture = `+picture+`, { width, height } = picture.getBoundingClientRect()
		const canvas = Object.assign(document.createElement('canvas'), { width: Math.round(width), height: Math.round(height) })
		const draw = canvas.getContext('2d')
		draw.fillStyle = getComputedStyle(picture.closest('dialog')).backgroundColor
		draw.fillRect(0, 0, canvas.width, canvas.height)
		draw.drawImage(picture, 0, 0, canvas.width, canvas.height)
		return jsQR(draw.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height)?.data ?? ''
	})()`)
}
