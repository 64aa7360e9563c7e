package page_test

import (
	"testing"

	"confab/functions/server/e2e/internal/process"
)

func TestPeopleComeAndGo(t *testing.T) {
	t.Parallel() // that somebody left is told late, lest a reload be told
	s := process.Start(t)
	ann := visit(t, s.URL).join("ann")
	ann.run(`document.querySelector('.bar__people').click()`)
	bob := visit(t, s.URL).join("bob")
	here := `document.querySelector('.people__list').innerText.replace(/\s+/g, ' ')`
	ann.await("bob", here+" === 'ann (you) bob'")
	bob.await("the count", `document.querySelector('.bar__people .count').textContent === '2'`)
	bob.run(`location = 'about:blank'`)
	ann.awaitFor(2*onScreen, "that bob left", here+" === 'ann (you)'")
}
