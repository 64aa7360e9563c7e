package page_test

import (
	"fmt"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// loud notes what would be heard and seen outside of the page.
const loud = `
	window.tones = window.asked = 0
	window.notes = []
	window.AudioContext = class { currentTime = 0; destination = {} }
	window.GainNode = class { gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} }; connect() { return this } }
	window.OscillatorNode = class { connect(to) { return to } start() { window.tones++ } stop() {} }
	window.Notification = class {
		static permission = 'default'
		static async requestPermission() { window.asked++; return Notification.permission = 'granted' }
		constructor(title, { body }) { window.notes.push(title + ': ' + body) }
	}
	ServiceWorkerRegistration.prototype.showNotification = async (title, { body }) => { window.notes.push(title + ': ' + body) }
	navigator.setAppBadge = async n => { window.badge = n }
	navigator.clearAppBadge = async () => { window.badge = 0 }
`

// A ring is two tones.
func TestMentionRingsOnceAndOnlyIfAsked(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(t, s.URL+"/r/kitchen", before(loud)).join("ann"), s.Login("bob")
	posted := 0
	post := func(text string) {
		t.Helper()
		if _, _, err := s.Post(bob, "kitchen", text, ""); err != nil {
			t.Fatal(err)
		}
		posted++
		ann.await(text, fmt.Sprintf(`document.title === '(%d) lobby'`, posted))
	}
	choose := func(names ...string) {
		t.Helper()
		for _, name := range names {
			ann.run(`document.querySelector('.bar__settings').click()`)
			ann.run(fmt.Sprintf(`document.querySelector('.dialog [name=%s]').click()`, name))
			ann.run(`document.querySelector('.dialog').close()`)
			ann.await("no dialog", `!document.querySelector('.dialog')`)
		}
	}
	rang := func(rings, notes int) {
		t.Helper()
		ann.run(`window.passed = false, setTimeout(() => requestAnimationFrame(() => { window.passed = true }), 400)`) // a ring comes sooner
		ann.await("time to ring", `window.passed`)
		if got := eval[[]int](ann, `[window.tones, window.notes.length]`); got[0] != 2*rings || got[1] != notes {
			t.Errorf("%d tones and %d notifications, want %d and %d", got[0], got[1], 2*rings, notes)
		}
	}
	ann.open("lobby")

	post("@ann, nobody asked for noise")
	rang(0, 0)
	if asked := eval[int](ann, `window.asked`); asked != 0 {
		t.Error("the browser asked for leave without a click")
	}
	choose("sounds", "notifications")
	ann.await("leave asked for", `window.asked === 1`)
	post("@ann, the first")
	rang(1, 1)
	post("for nobody")
	choose("notifications") // not any more
	post("@ann, the second")
	rang(2, 1) // the sound alone
	choose("sounds", "notifications")
	post("@ann, the third")
	rang(2, 2) // the notification alone
	if notes := eval[[]string](ann, `window.notes`); len(notes) != 2 || notes[0] != "bob · kitchen: @ann, the first" || notes[1] != "bob · kitchen: @ann, the third" {
		t.Errorf("notifications are %q", notes)
	}
	ann.run(`document.querySelector('nav a').click()`)
	ann.await("all read", `document.title === 'kitchen'`)
	if _, _, err := s.Post(bob, "kitchen", "@ann, whom it is shown to", ""); err != nil {
		t.Fatal(err)
	}
	ann.sees("@ann, whom it is shown to")
	rang(2, 2)
}

// Two tabs of a browser are one reader: what one shows, the other does not ring for.
func TestMentionThatAnotherTabShowsRingsNowhere(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL+"/r/kitchen", before(loud)).join("ann"), s.Login("bob")
	ann.run(`localStorage.setItem('confab.settings', '{"sounds":true}')`)
	ann.open("hall")
	ann.open("kitchen")
	other := ann.tab(s.URL+"/r/garden", before(loud))
	other.awaitRoom()
	if _, _, err := s.Post(bob, "hall", "first", ""); err != nil {
		t.Fatal(err)
	}
	ann.await("the hall listened to", `document.title === '(1) kitchen'`)
	for _, room := range []string{"kitchen", "hall"} { // the second is on no screen
		if _, _, err := s.Post(bob, room, "@ann, look", ""); err != nil {
			t.Fatal(err)
		}
	}
	ann.await("a ring", `window.tones >= 2`)
	ann.await("what is unread", `document.title === '(2) kitchen'`)
	if here, there := eval[int](ann, `window.tones`), eval[int](other, `window.tones`); here != 2 || there != 0 {
		t.Errorf("%d and %d tones in the two tabs, want one ring of two", here, there)
	}
}

func TestUnreadShowsOutsideOfThePage(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL+"/r/kitchen", before(loud)).join("ann"), s.Login("bob")
	ann.open("lobby")
	for n := range 2 {
		if _, _, err := s.Post(bob, "kitchen", fmt.Sprint("soup ", n), ""); err != nil {
			t.Fatal(err)
		}
	}
	icon := `new URL(document.querySelector('link[rel=icon]').href).pathname`
	ann.await("the badge", `window.badge === 2 && document.title === '(2) lobby' && `+icon+` === '/icons/unread.svg'`)
	ann.run(`document.querySelector('nav a').click()`)
	ann.await("no badge", `window.badge === 0 && document.title === 'kitchen' && `+icon+` === '/icons/icon.svg'`)
}
