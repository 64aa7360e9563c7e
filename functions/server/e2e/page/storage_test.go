package page_test

import (
	"fmt"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// Where the browser keeps nothing for a site, the page works as long as it is open.
func TestPageWorksWithoutStorage(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"null": `Object.defineProperty(window, 'localStorage', { get: () => null })`,
		"blocked": `for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError') } })
			window.asked = 0
			navigator.locks.request = async () => { window.asked++; throw new DOMException('blocked', 'SecurityError') }`,
		"full": `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := process.Start(t)
			bob := s.Login("bob")
			ann := visit(t, s.URL, before(script)).join("ann")
			ann.tells("said here")
			ann.open("kitchen")
			if _, _, err := s.Post(bob, "lobby", "heard here", ""); err != nil {
				t.Fatal(err)
			}
			ann.await("what is unread", `document.title === '(1) kitchen'`)
			ann.run(`document.querySelector('.contents__list .place').click()`)
			ann.sees("heard here")
			ann.await("that it is read", `document.title === 'lobby'`)
			if n := eval[int](ann, `window.asked ?? 0`); n > 5 {
				t.Errorf("the page asked %d times for a lock that it cannot have", n)
			}
			ann.reload() // the cookie says who it is
			ann.sees("heard here")
		})
	}
}

// A page that is in more rooms than the server allows in one stream stays live,
// and a server that refuses is not asked again at once.
func TestManyRoomsStayLive(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	bob := s.Login("bob")
	ann := visit(t, s.URL+"/r/room-0").join("ann")
	for n := 1; n <= 36; n++ {
		ann.open(fmt.Sprintf("room-%d", n))
	}
	if _, _, err := s.Post(bob, "room-36", "still here", ""); err != nil {
		t.Fatal(err)
	}
	ann.sees("still here")
	ann.await("the link", `document.body.dataset.link === 'live'`)
	ann.mu.Lock()
	defer ann.mu.Unlock()
	for _, url := range ann.requests {
		if n := strings.Count(url, "room=room-"); strings.Contains(url, "/stream?") && n > 32 {
			t.Errorf("one stream of %d rooms", n)
		}
	}
}
