package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// pictures keeps what the window shows in the folder PICTURES, for whoever wants
// to look at it.
func (w *window) pictures(name string) {
	w.tb.Helper()
	if dir := os.Getenv("PICTURES"); dir != "" {
		w.run(`document.getAnimations().forEach(one => one.finish())`)
		w.picture(filepath.Join(dir, name+".png"))
	}
}

// makes makes a room by the dialog, and is in it then.
func (w *window) makes(title, access string) {
	w.tb.Helper()
	w.run(`document.querySelector('.finder button').click()`)
	w.await("the dialog", `document.activeElement?.name === 'title'`)
	w.write(title)
	w.run(`document.querySelector('dialog[open] input[value=` + access + `]').click()`)
	w.pictures("make-" + access)
	w.run(button("Make the room") + `.click()`)
	w.await("the room", `document.activeElement?.id === 'box' && !document.querySelector('dialog[open]') && !document.querySelector('.bar__about')?.hidden`)
}

func TestRoomIsMade(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL, func(w *window) { w.device(false, "light") }).join("ann")
	ann.makes("Family", "private")
	ann.await("its title for a name", `document.querySelector('h1 bdi').textContent === 'Family' && /^\/r\/p_[a-z]{20}$/.test(location.pathname)`)
	ann.await("it among the rooms", `[...document.querySelectorAll('.place bdi')].some(one => one.textContent === 'Family')`)
	ann.tells("hello")
	ann.reload()
	ann.await("its title after a reload", `document.querySelector('h1 bdi').textContent === 'Family' && document.title === 'Family'`)
	ann.makes("Book Club", "open")
	ann.await("its address", `location.pathname === '/r/book-club' && document.querySelector('.bar__topic').textContent === 'Book Club'`)
}
