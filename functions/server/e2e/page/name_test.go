package page_test

import (
	"net/http"
	"net/url"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// Two said the same name, and the other one spoke first: the page asks for
// another name, and what was written goes under it.
func TestTakenNameIsAskedForAnewAndTheLineKept(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	older, holder := s.Login("ann"), s.Login("ann")
	if code, _, err := s.Post(holder, "lobby", "I am ann", "k"); err != nil || code != http.StatusCreated {
		t.Fatal(code, err)
	}
	ann := visit(t, s.URL, session(older, s.URL), func(w *window) { w.setCut(true) }) // what is refused is an error on the console
	ann.awaitRoom()
	ann.say("kept")
	ann.await("the question", `document.activeElement?.matches('.rename input') && document.querySelector('.rename p').innerText.includes('as ann now')`)
	ann.write("anna")
	ann.press(kb.Enter)
	ann.await("the line, under the new name", lineWith("kept")+`?.dataset.id && document.querySelector('.line--mine .line__who').textContent === 'anna'`)
	if n := eval[int](ann, `document.querySelectorAll('.line__new').length`); n != 0 {
		t.Errorf("%d lines are marked as new, and no name changed hands", n)
	}
}

func TestNameThatChangedHandsIsMarked(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	for _, text := range []string{"I am ann", "so am I"} {
		c := s.Login("ann")
		if code, _, err := s.Post(c, "lobby", text, ""); err != nil || code != http.StatusCreated {
			t.Fatal(code, err)
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL+"/login", nil)
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	bob := visit(t, s.URL).join("bob")
	bob.await("the mark", lineWith("so am I")+`?.querySelector('.line__new')?.innerText === 'New here under this name'`)
	bob.await("one mark, and two colours", `document.querySelectorAll('.line__new').length === 1 &&
		getComputedStyle(`+lineWith("I am ann")+`.querySelector('.line__who')).color !== getComputedStyle(`+lineWith("so am I")+`.querySelector('.line__who')).color`)
}

// session has a window begin with a client's session.
func session(c *http.Client, base string) func(*window) {
	return func(w *window) {
		at, _ := url.Parse(base)
		for _, cookie := range c.Jar.Cookies(at) {
			send(w, network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: base})
		}
	}
}
