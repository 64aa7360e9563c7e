package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp/kb"
)

// onLine does something with the line of somebody else, by its sheet.
func (w *window) onLine(text, what string) {
	w.tb.Helper()
	w.tool(text, "More")
	w.await(what, button(what))
	w.run(button(what) + `.click()`)
}

// onPerson does something with somebody who is here.
func (w *window) onPerson(name, what string) {
	w.tb.Helper()
	w.run(`document.querySelector('.people').hidden && document.querySelector('.bar__people').click()`)
	more := fmt.Sprintf(`[...document.querySelectorAll('.people button')].find(b => b.ariaLabel === %s)`, quote("More about "+name))
	w.await(name+" among the people", more)
	w.run(more + `.click()`)
	w.await(what, button(what))
	w.run(button(what) + `.click()`)
}

// panel opens the panel of the room.
func (w *window) panel() {
	w.tb.Helper()
	w.run(`document.querySelector('#about').hidden && document.querySelector('.bar__about').click()`)
	w.await("the panel", `document.querySelector('#about').checkVisibility()`)
}

// sets changes a rule of the room in its panel.
func (w *window) sets(name, value string) {
	w.tb.Helper()
	w.panel()
	w.run(fmt.Sprintf(`(() => {
		const field = document.querySelector('#about [name=%s]')
		if (field.type === 'checkbox') return field.click()
		field.value = %s
		field.dispatchEvent(new Event('change', { bubbles: true }))
	})()`, name, quote(value)))
	w.await("that it is changed", `[...document.querySelectorAll('#about .panel__said')].some(said => said.textContent === 'Changed.')`)
	w.press(kb.Escape)
}

// stopped waits until the box says why nothing can be sent.
func (w *window) stopped(why string) {
	w.tb.Helper()
	w.await(why, fmt.Sprintf(`document.querySelector('.composer__why')?.textContent.includes(%s)`, quote(why)))
}

// invites makes a link into the room, good for five.
func (w *window) invites() string {
	w.tb.Helper()
	w.panel()
	w.run(`document.querySelector('#about select').value = '5', ` + button("Make a link") + `.click()`)
	w.await("the code", `document.querySelector('.invite__code')?.naturalWidth > 0`)
	w.await("it in the list", `document.querySelector('#about section:nth-of-type(2) li')?.textContent.startsWith('Good for 5 people')`)
	link := eval[string](w, `document.querySelector('.invite input').value`)
	w.pictures("invite")
	w.press(kb.Escape)
	return link
}

// comes opens an invite, says a name, and is in the room.
func comes(t *testing.T, link, name, room string) *window {
	t.Helper()
	w := visit(t, link, func(w *window) { w.setCut(true) })
	w.await("the room's title", `document.querySelector('h1')?.textContent === 'You are invited to `+room+`' && document.activeElement?.matches('input[name=user]')`)
	w.pictures("join")
	w.write(name)
	w.press(kb.Enter)
	w.awaitRoom()
	w.await("the room", `document.querySelector('h1 bdi').textContent === '`+room+`' && document.body.dataset.link === 'live'`)
	return w
}

// at is where a window is.
func (w *window) at() string {
	w.tb.Helper()
	return eval[string](w, `location.pathname`)
}

// TestRoomBelongsToSomebody tells the story of a room that has an owner, with
// four people who look at it.
func TestRoomBelongsToSomebody(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	onDesktop := func(w *window) { w.device(false, "light") }
	ann := visit(t, s.URL, onDesktop).join("ann")

	// A private room, and a link into it.
	ann.makes("Family", "private")
	family := ann.at()
	link := ann.invites()
	bob, cat := comes(t, link, "bob", "Family"), comes(t, link, "cat", "Family")
	ann.tells("welcome")
	bob.sees("welcome")
	cat.sees("welcome")
	stranger := s.Login("stranger")
	for _, path := range []string{"", "/people", "/members", "/bans", "/invites", "/1-0", "?q=welcome"} {
		if res, err := stranger.Get(s.URL + family + path); err != nil || res.StatusCode != http.StatusNotFound {
			t.Errorf("a stranger gets %v, %v of %s", res, err, path)
		}
	}

	// A few words to one of them alone.
	ann.onPerson("bob", "Write to bob alone")
	ann.await("a room of two", `location.pathname.startsWith('/r/d_') && document.querySelector('h1 bdi').textContent === 'bob'`)
	ann.tells("for you alone")
	bob.await("that there is news", `/^For you, \d new$/.test(document.querySelector('.contents__for').ariaLabel)`)
	bob.run(`document.querySelector('.contents__for').click()`)
	bob.await("the notice", `document.querySelector('#for-you .hit')?.textContent.includes('ann writes to you alone')`)
	bob.pictures("for-you")
	bob.await("that somebody writes", `document.querySelector('.contents__direct .place')?.textContent.includes('ann')`)
	bob.run(`document.querySelector('.contents__direct .place').click()`)
	bob.sees("for you alone")

	// An open room, and somebody who is not nice.
	ann.makes("Garden", "open")
	eve := visit(t, s.URL+"/r/garden", onDesktop, func(w *window) { w.setCut(true) }).join("eve")
	other := eve.tab(s.URL+"/r/garden", func(w *window) { w.setCut(true) })
	other.awaitRoom()
	eve.tells("abuse")
	eve.tells("more abuse")
	other.sees("more abuse")
	ann.sees("more abuse")
	ann.onLine("more abuse", "Mute for 10 minutes")
	for _, w := range []*window{eve, other} {
		w.stopped("You are muted here until ")
	}
	eve.say("still here")
	eve.await("it kept in the box", `document.getElementById('box').value === 'still here'`)
	eve.pictures("muted")
	ann.onLine("more abuse", "Ban…")
	ann.await("the question", `document.querySelector('dialog[open] input[name=erase]')`)
	ann.pictures("ban")
	ann.run(`document.querySelector('dialog[open] input[name=erase]').click(), ` + button("Ban") + `.click()`)
	ann.await("that the lines are taken back", `!document.querySelector('dialog[open]') && !document.querySelector('.lines').textContent.includes('abuse')`)
	for _, w := range []*window{eve, other} {
		w.stopped("You are banned from this room")
	}
	ann.tells("after the ban")
	eve.run(`fetch('/r/garden', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"text":"again"}' }).then(answer => { window.answered = answer.status })`)
	eve.await("that the post is refused", `window.answered === 403`)
	if strings.Contains(eval[string](other, `document.querySelector('.lines').textContent`), "after the ban") {
		t.Error("a banned user's other tab gets what was said since")
	}
	eve.await("the draft", `document.getElementById('box').value === 'still here'`)
	eve.pictures("banned")

	// Rules of the room.
	cat.open("garden")
	bob.open("garden")
	ann.onPerson("cat", "Make a moderator")
	cat.await("the news", `document.querySelector('.lines').textContent.includes('ann made cat a moderator')`)
	bob.onLine("after the ban", "Report…")
	bob.await("the question", `document.activeElement?.name === 'reason'`)
	bob.write("is that so?")
	bob.press(kb.Enter)
	cat.await("the report", `document.querySelector('.contents__for').dataset.count`)
	for _, w := range []*window{ann, cat} {
		w.run(`document.querySelector('.contents__for').click()`)
		w.await("the report", `document.querySelector('#for-you')?.textContent.includes('bob reported a message in garden') && document.querySelector('#for-you').textContent.includes('is that so?')`)
	}
	cat.pictures("reported")
	cat.run(`[...document.querySelectorAll('#for-you a')].find(a => a.textContent.includes('reported')).click()`)
	cat.await("the line", asked("after the ban"))
	ann.sets("retention", "86400")
	ann.sets("slow", "30")
	bob.await("that the room forgets", `document.querySelector('.composer__rules').textContent === 'This room forgets after 1 day · one message in 30 seconds'`)
	bob.tells("my first")
	bob.say("my second")
	bob.stopped("One message at a time")
	ann.sets("locked", "")
	bob.stopped("The room is locked")
	bob.pictures("locked")
	cat.tells("moderators write")

	// The owner goes when somebody else is one.
	ann.panel()
	ann.run(button("Leave this room") + `.click()`)
	ann.await("what to do first", `document.querySelector('dialog[open]')?.textContent.includes('You are its only owner')`)
	ann.press(kb.Escape)
	ann.onPerson("cat", "Make an owner")
	cat.await("the news", `document.querySelector('.lines').textContent.includes('ann made cat an owner')`)
	ann.panel()
	ann.run(button("Leave this room") + `.click()`)
	ann.await("the question", `document.querySelector('dialog[open] .button--bad')`)
	ann.run(`document.querySelector('dialog[open] .button--bad').click()`)
	ann.await("another room", `document.querySelector('h1 bdi').textContent !== 'garden'`)
}
