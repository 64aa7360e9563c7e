package page_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp/kb"
)

// The role and the name of what has the focus, as a screen reader would say them.
const focused = `(() => {
	const one = document.activeElement
	const role = one.getAttribute('role') ?? { A: 'link', BUTTON: 'button', TEXTAREA: 'textbox', INPUT: 'textbox' }[one.tagName]
	const name = one.ariaLabel ?? one.labels?.[0]?.textContent ?? Array.from(one.childNodes).filter(n => !n.ariaHidden).map(n => n.textContent).join('')
	return role + ': ' + name.trim()
})()`

func TestTabStopsAreThoseWrittenDown(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../../.github/docs/keyboard.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\d+\. (.+)$`).FindAllSubmatch(doc, -1) {
		want = append(want, string(m[1]))
	}
	s := process.Start(t, journal(t, talk))
	ann := visit(t, s.URL, func(w *window) { w.device(false, "light") }).join("ann")
	ann.run(`document.querySelector('.skip').focus()`)
	got := []string{eval[string](ann, focused)}
	for range len(want) - 1 {
		ann.press(kb.Tab)
		got = append(got, eval[string](ann, focused))
	}
	if !slices.Equal(got, want) {
		t.Errorf("Tab goes to\n%q, and it is written down that it goes to\n%q", got, want)
	}
}

// The command that lets a page read the clipboard, which cdproto has no more.
var grant = cdp.Command[permissions, cdp.Empty]{Method: "Browser.grantPermissions"}

type permissions struct {
	Permissions []string             `json:"permissions"`
	Browser     cdp.BrowserContextID `json:"browserContextId"`
}

// What a link leads to is the line that it was copied from.
func TestCopiedLinkIsOnTheClipboard(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL+"/r/%E9%A1%B9%E7%9B%AE")
	send(ann, grant, permissions{[]string{"clipboardReadWrite", "clipboardSanitizedWrite"}, ann.browser})
	ann.join("ann")
	ann.tells("a line")
	ann.tells("another")
	ann.tool("a line", "Copy link")
	ann.run(`setTimeout(async function look() {
		window.copied = await navigator.clipboard.readText().catch(String)
		if (!window.copied.includes('/r/')) setTimeout(look, 50)
	})`)
	ann.await("the link", `window.copied === location.origin + '/r/%E9%A1%B9%E7%9B%AE/' + `+lineWith("a line")+`.dataset.id`)
}
