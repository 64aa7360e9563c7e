package page_test

import (
	"fmt"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func (w *window) awaitFor(limit time.Duration, what, js string) {
	w.tb.Helper()
	late := time.After(limit)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		ok, err := tryEval[bool](w, "!!("+js+")")
		if ok && err == nil {
			return
		}
		select {
		case <-look.C: // an error may be that the page is just being loaded
		case <-late:
			w.tb.Fatalf("not on the screen after %s: %s (%v)\n%s", limit, what, err, eval[string](w, "document.body.innerText"))
		}
	}
}

// join says a name in the login.
func (w *window) join(name string) *window {
	w.tb.Helper()
	w.await("the login", `document.activeElement?.matches('input[name=user]')`)
	w.write(name)
	w.press(kb.Enter)
	w.awaitRoom()
	w.await("the link", `document.body.dataset.link === 'live'`)
	return w
}

func (w *window) awaitRoom() {
	w.tb.Helper()
	w.await("the room", `document.querySelector('[role=log]') && !document.querySelector('[role=log]').ariaBusy && document.activeElement?.id === 'box'`)
}

func (w *window) write(text string) {
	w.tb.Helper()
	if w.firefox != nil {
		if _, err := askFirefox[any](w, "write", text); err != nil {
			w.tb.Fatal(err)
		}
		return
	}
	send(w, input.InsertText, input.InsertTextParams{Text: text})
}

// press types keys as a keyboard does: a raw key first, which the page may keep
// from becoming a character.
func (w *window) press(keys string, mod ...chromedp.Modifier) {
	w.tb.Helper()
	if w.firefox != nil {
		w.pressFirefox(keys, mod...)
		return
	}
	raw := func(k *input.DispatchKeyEventParams) {
		if k.Type == kb.KeyDown {
			k.Type = input.DispatchKeyEventTypeRawKeyDown
		}
	}
	w.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(mod...), raw))
}

// open goes to a room by the finder.
func (w *window) open(room string) {
	w.tb.Helper()
	w.press("k", chromedp.ModifierCtrl)
	w.write(room)
	w.press(kb.Enter)
	w.await(room, fmt.Sprintf(`document.querySelector('h1 bdi').textContent === %s && document.activeElement?.id === 'box'`, quote(room)))
}

// click presses the pointer in the middle of an element.
func (w *window) click(selector string) {
	w.tb.Helper()
	box := quote(selector)
	at := eval[[]float64](w, `(() => { const { x, y, width, height } = document.querySelector(`+box+`).getBoundingClientRect(); return [x + width / 2, y + height / 2] })()`)
	for _, what := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		send(w, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1})
	}
}

// say writes a line in the box and sends it.
func (w *window) say(text string) {
	w.tb.Helper()
	w.run(`document.getElementById('box').focus()`)
	w.write(text)
	w.press(kb.Enter)
}

// tells says a line and waits until the server has it.
func (w *window) tells(text string) {
	w.tb.Helper()
	w.say(text)
	w.await("that it was sent", lineWith(text)+`?.dataset.id`)
}

const linesJS = `[...document.querySelectorAll('[role=log] .line')].map(li => li.querySelector('.line__text').textContent)`

func (w *window) lines() []string {
	w.tb.Helper()
	return eval[[]string](w, linesJS)
}

// sees waits for a line with this text.
func (w *window) sees(text string) {
	w.tb.Helper()
	w.await(text, fmt.Sprintf("%s.includes(%s)", linesJS, quote(text)))
}

// lineWith is the element of the last line with this text.
func lineWith(text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[role=log] .line')].findLast(li => li.querySelector('.line__text').textContent.includes(%s))`, quote(text))
}

// tool uses what the toolbar has for a line, by keys alone.
func (w *window) tool(text, name string) {
	w.tb.Helper()
	w.run(lineWith(text) + ".focus()")
	w.press(kb.Enter)
	w.await("the tools", `document.activeElement?.closest('[role=toolbar]')`)
	for range 6 {
		if eval[string](w, "document.activeElement.ariaLabel") == name {
			break
		}
		w.press(kb.ArrowRight)
	}
	w.press(kb.Enter)
}
