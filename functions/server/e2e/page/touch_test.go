package page_test

import (
	"fmt"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
)

// touch makes the window a screen of this width that knows fingers alone.
func (w *window) touch(width, height int64) {
	w.tb.Helper()
	send(w, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: true})
	send(w, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true, MaxTouchPoints: 1})
	send(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "pointer", Value: "coarse"}, {Name: "hover", Value: "none"}}})
}

// middle is where an element is, which a script finds.
func (w *window) middle(element string) (x, y float64) {
	w.tb.Helper()
	w.await("something to press", element)
	at := eval[[]float64](w, `(() => { document.getAnimations().forEach(one => one.finish()); const { x, y, width, height } = (`+element+`).getBoundingClientRect(); return [x + width / 2, y + height / 2] })()`)
	return at[0], at[1]
}

func (w *window) finger(what input.DispatchTouchEventType, points ...*input.TouchPoint) {
	w.tb.Helper()
	send(w, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: what, TouchPoints: points})
}

// tap puts a finger on an element and lifts it.
func (w *window) tap(element string) {
	w.tb.Helper()
	x, y := w.middle(element)
	w.finger(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	w.finger(input.DispatchTouchEventTypeTouchEnd)
}

// hold leaves a finger on an element until something happens, then lifts it.
func (w *window) hold(element, until string) {
	w.tb.Helper()
	x, y := w.middle(element)
	w.finger(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	w.await("what a long press does", until)
	w.finger(input.DispatchTouchEventTypeTouchEnd)
}

// button is the button of this name that one can see and press.
func button(name string) string {
	return fmt.Sprintf(`[...(document.querySelector('dialog[open]') ?? document).querySelectorAll('button')].find(b => (b.ariaLabel ?? b.textContent.trim()) === %s && b.checkVisibility())`, quote(name))
}

// press a tool of a line, after a tap on it or a long press.
func (w *window) touchTool(text, name string, long bool) {
	w.tb.Helper()
	words := lineWith(text) + `.querySelector('.line__text')`
	if long {
		w.hold(words, `document.querySelector('dialog.sheet[open]')`)
	} else {
		w.tap(words)
		w.await("the tools of the line", `document.querySelector('.tools:not([hidden])')`)
	}
	w.isReachable(button(name))
	w.tap(button(name))
}

// isReachable checks that a finger does not miss a button.
func (w *window) isReachable(element string) {
	w.tb.Helper()
	w.await("the button", element)
	size := eval[[]float64](w, `(() => { const { width, height } = (`+element+`).getBoundingClientRect(); return [width, height] })()`)
	if size[0] < 43.9 || size[1] < 43.9 {
		w.tb.Errorf("%s is %.0f by %.0f pixels, a finger needs 44", element, size[0], size[1])
	}
}

func TestEveryToolWorksByFinger(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{390, 820} {
		for _, long := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d pixels, long press %t", width, long), func(t *testing.T) {
				t.Parallel()
				s := process.Start(t)
				bob := s.Login("bob")
				ann := visit(t, s.URL, func(w *window) { w.touch(width, 844) }).join("ann")
				s.Post(bob, "lobby", "from bob", "")
				ann.sees("from bob")
				ann.writes("mine")

				ann.touchTool("from bob", "React", long)
				if long {
					ann.tap(button("👍 thumbs up"))
				} else {
					ann.isReachable(button("React with 👍"))
					ann.tap(button("React with 👍"))
				}
				ann.await("the reaction", lineWith("from bob")+`.querySelector('.reaction[aria-pressed=true]')?.textContent === '👍 1'`)

				ann.touchTool("from bob", "Reply", long)
				ann.await("what is answered", `document.querySelector('.composer__about').checkVisibility() && document.activeElement?.id === 'box'`)
				ann.write("an answer")
				ann.tap(button("Send"))
				ann.await("the quote", lineWith("an answer")+`?.querySelector('.quote')`)

				ann.touchTool("mine", "Edit", long)
				ann.await("the own line in the box", `document.getElementById('box').value === 'mine'`)
				ann.write(" and more")
				ann.tap(button("Save"))
				ann.await("the edit", lineWith("mine and more")+`?.querySelector('.line__edited')`)

				ann.touchTool("mine and more", "Delete", long)
				ann.sees("This message was deleted.")
				ann.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
			})
		}
	}
}

// writes says a line by the box and its button, as where Enter breaks the line.
func (w *window) writes(text string) {
	w.tb.Helper()
	w.tap(`document.getElementById('box')`)
	w.await("the box", `document.activeElement?.id === 'box'`)
	w.write(text)
	w.tap(button("Send"))
	w.await("that it was sent", lineWith(text)+`?.dataset.id`)
}

// What a tap brought stays until something else is pressed, and goes then.
func TestRowOfEmojiCloses(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.tells("a line")
	for name, away := range map[string]func(){
		"a press elsewhere": func() { ann.click(".composer__box") },
		"Escape":            func() { ann.press("\u001b") },
	} {
		ann.tool("a line", "React")
		ann.await("the row", `document.activeElement?.ariaLabel === 'React with 👍'`)
		away()
		ann.await(name+" closes the row", `document.querySelector('.tools').hidden`)
	}
	ann.tool("a line", "React")
	ann.run(button("Another emoji") + `.click()`)
	ann.await("the emoji by name", `document.activeElement?.matches('.sheet--picker input')`)
	ann.write("rocket")
	ann.press("\r")
	ann.await("the reaction", `document.querySelector('.reaction')?.textContent === '🚀 1'`)
}
