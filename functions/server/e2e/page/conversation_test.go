package page_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestTwoPeopleTalk(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, visit func(url string) *window) {
		s := process.Start(t)
		ann, bob := visit(s.URL).join("ann"), visit(s.URL).join("bob")
		bob.notes(".composer__typing") // a sign of writing may be gone before anybody looks
		ann.write("hello bob")
		ann.run(`window.writing = setInterval(() => document.getElementById('box').dispatchEvent(new Event('input')), 500)`) // it may be lost, and comes again
		bob.await("that ann writes", `window.noted.includes('ann is writing…')`)
		ann.run(`clearInterval(window.writing)`)
		ann.press(kb.Enter)
		bob.sees("hello bob")
		bob.await("that ann wrote", `document.querySelector('.composer__typing').textContent === ''`)

		bob.tool("hello bob", "Reply")
		bob.await("the quote", `document.querySelector('.composer__about').innerText.includes('hello bob')`)
		bob.write("hello back")
		bob.press(kb.Enter)
		ann.sees("hello back")
		ann.await("the quote", lineWith("hello back")+`.querySelector('.quote').textContent.includes('hello bob')`)

		ann.press(kb.ArrowUp)
		ann.await("the own line in the box", `document.getElementById('box').value === 'hello bob'`)
		ann.write(" and all")
		ann.press(kb.Enter)
		bob.await("the edit", lineWith("hello bob and all")+`?.querySelector('.line__edited')`)

		bob.tool("hello bob and all", "React")
		bob.await("the row of emoji", `document.activeElement?.ariaLabel === 'React with 👍'`)
		bob.press(kb.Enter)
		ann.await("the reaction", lineWith("hello bob and all")+`?.querySelector('.reaction')?.textContent === '👍 1'`)
		bob.await("the own reaction", lineWith("hello bob and all")+`?.querySelector('.reaction[aria-pressed=true]')`)
		bob.run(lineWith("hello bob and all") + `.querySelector('.reaction').click()`)
		ann.await("no reaction", `!document.querySelector('.reaction')`)

		bob.run(`document.getElementById('box').focus()`)
		bob.write("look, @a")
		bob.await("the name offered", `document.querySelector('#names [role=option][aria-selected=true]')?.textContent === 'ann'`)
		bob.press(kb.Enter)
		bob.press(kb.Enter)
		ann.await("the mention", `document.querySelector('.line--mention .mention--me')?.textContent === '@ann'`)

		ann.tells("a slip")
		bob.sees("a slip")
		ann.tool("a slip", "Delete")
		bob.sees("This message was deleted.")
		ann.sees("This message was deleted.")

		cat := visit(s.URL).join("cat") // who comes later sees the same
		want := ann.lines()
		for _, w := range []*window{bob, cat} {
			w.await("four lines", linesJS+".length === 4")
			if got := w.lines(); !slices.Equal(got, want) {
				t.Errorf("lines are %q, on another screen %q", got, want)
			}
		}
	})
}

func TestRoomsCountWhatIsUnread(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL+"/r/kitchen").join("ann"), s.Login("bob")
	open := func(room string) {
		ann.press("k", chromedp.ModifierCtrl)
		ann.await("the finder", `document.activeElement?.id === 'find'`)
		ann.write(room)
		ann.press(kb.Enter)
		ann.await(room, fmt.Sprintf(`document.querySelector('h1').innerText.includes(%s) && document.activeElement?.id === 'box'`, quote(room)))
	}
	open("garden")
	open("lobby")
	ann.say("here")
	for i, room := range []string{"kitchen", "kitchen", "garden", "kitchen"} {
		text := []string{"one", "two", "hi @ann", "three"}[i]
		if _, _, err := s.Post(bob, room, text, ""); err != nil {
			t.Fatal(err)
		}
	}
	counts := `JSON.stringify([...document.querySelectorAll('nav a')].map(a => a.ariaLabel ?? a.innerText))`
	want := `["kitchen, 3 unread","garden, 1 unread, you are mentioned","lobby"]`
	ann.await(want, counts+" === "+quote(want))
	ann.await("the title", `document.title === '(4) lobby'`)
	ann.reload()
	ann.await(want, counts+" === "+quote(want)) // it is still unread after a reload

	ann.run(`document.querySelector('nav a').click()`)
	ann.sees("three")
	ann.await("kitchen read", `document.title === '(1) kitchen'`)
	other := ann.tab(s.URL + "/r/lobby") // another tab knows what was read
	other.await("the count", `document.title === '(1) lobby'`)
}

// A click on the cross of a tab leaves its room, Delete does on any tab; the
// last room stays.
func TestRoomIsLeftFromItsTab(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	for _, room := range []string{"kitchen", "garden"} {
		ann.await("no cross while there is one room", `document.querySelectorAll('nav li').length > 1 || document.querySelector('.place__leave').hidden`)
		ann.open(room)
	}
	tabs := `[...document.querySelectorAll('nav a')].map(a => a.innerText).join(' ')`
	ann.await("the tabs", tabs+` === 'lobby kitchen garden'`)
	ann.await("one cross, on the tab one is in", `[...document.querySelectorAll('.place__leave')].filter(one => !one.hidden).map(one => one.ariaLabel).join() === 'Leave garden'`)
	ann.click(`.place__leave:not([hidden])`)
	ann.await("the garden left", tabs+` === 'lobby kitchen' && document.title === 'lobby' && document.activeElement?.id === 'box'`)
	if _, _, err := s.Post(bob, "garden", "where is ann?", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Post(bob, "kitchen", "there", ""); err != nil {
		t.Fatal(err)
	}
	ann.await("only the kitchen heard", `document.title === '(1) lobby'`)
	ann.run(`document.querySelector('nav li:last-child a').focus()`)
	ann.press(kb.Delete)
	ann.await("the kitchen left", tabs+` === 'lobby' && document.querySelector('.place__leave').hidden && document.title === 'lobby'`)
	ann.await("the focus on the tab beside it", `document.activeElement?.matches('nav a')`)
	ann.press(kb.Delete)
	ann.reload()
	ann.await("the last room", tabs+` === 'lobby'`)
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(t, s.URL).join("ann"), s.Login("<b>bob</b>")
	hostile := []string{
		`<script>document.title = 'owned'</script>`, `<img src=x onerror="document.title = 'owned'">`,
		`</li></ol><h1>owned</h1>`, `javascript:alert(1)`, `[x](javascript:alert(1))`, `https://e.example/"onmouseover="x`,
		"**<i>bold</i>** `<u>code</u>`", "```\n</code></pre><script>1</script>\n```", "data: x\n\nid: 9-9\nevent: reset", "{{7*7}}${7*7}",
		"a\u2028b\u2029c", strings.Repeat("W", 3000), strings.Repeat("*", 2000) + "`" + strings.Repeat("_", 1000), "\u202egnirts\u202c",
		"𝔘𝔫𝔦 👩‍👩‍👧 ́́́", "@<b>bob</b>",
	}
	for _, text := range hostile {
		if code, _, err := s.Post(bob, "lobby", text, ""); err != nil || code != 201 {
			t.Fatalf("%q: %d %v", text, code, err)
		}
	}
	s.Post(bob, "lobby", "the end", "")
	ann.sees("the end")
	if n := eval[int](ann, `document.querySelectorAll('.log :is(script, img, h1, i, u, b:not(.quote b), iframe, style)').length`); n > 0 {
		t.Errorf("%d elements came out of text", n)
	}
	if hrefs := eval[[]string](ann, `[...document.querySelectorAll('.log a')].map(a => a.protocol)`); slices.Contains(hrefs, "javascript:") {
		t.Errorf("a link runs script: %q", hrefs)
	}
	ann.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth && document.querySelector('.log').scrollWidth <= document.querySelector('.log').clientWidth`)
	for _, text := range []string{hostile[0], hostile[1], hostile[2], hostile[11]} {
		if !slices.Contains(ann.lines(), text) {
			t.Errorf("not shown as it was written: %.80q", text)
		}
	}
	if title := eval[string](ann, "document.title"); title != "lobby" {
		t.Errorf("title is %q", title)
	}
}

func TestEverythingByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL+"/r/garden").join("ann")
	ann.say("first")
	ann.say("second")
	ann.sees("second")

	var stops []string
	ann.run(`document.activeElement.blur()`)
	for range 12 {
		ann.press(kb.Tab)
		stop := eval[string](ann, `document.activeElement.id || document.activeElement.className`)
		if len(stops) > 0 && stop == stops[0] {
			break
		}
		if stop != "page" { // the document itself, between its end and its beginning
			stops = append(stops, stop)
		}
	}
	if len(stops) < 4 || len(stops) > 9 {
		t.Errorf("%d Tab stops: %q", len(stops), stops)
	}

	ann.run(`document.querySelector('.log').focus()`)
	ann.press(kb.ArrowUp)
	ann.await("the last line", `document.activeElement?.innerText.includes('second')`)
	ann.press(kb.ArrowUp)
	ann.await("the line above", `document.activeElement?.innerText.includes('first')`)
	ann.press("h")
	ann.await("the key in the box", `document.activeElement?.id === 'box' && document.activeElement.value === 'h'`)
	ann.press(kb.Backspace)

	ann.run(`document.querySelector('.bar__people').focus()`)
	ann.press(kb.Enter)
	ann.await("the people", `!document.getElementById('people').hidden`)
	ann.press(kb.Escape)
	ann.press(kb.Escape)
	ann.await("the box again", `document.getElementById('people').hidden && document.activeElement?.id === 'box'`)

	ann.run(`document.querySelector('.bar__settings').focus()`)
	ann.press(kb.Enter)
	ann.await("the settings", `document.querySelector('dialog[open]')`)
	ann.press(kb.ArrowRight)
	ann.press(kb.ArrowRight)
	ann.await("dark", `document.documentElement.dataset.appearance === 'dark'`)
	ann.press(kb.Escape)
	ann.reload()
	ann.await("dark still", `document.documentElement.dataset.appearance === 'dark'`)
	ann.run(`document.querySelector('.bar__settings').click(), document.querySelector('.dialog__leave').focus()`)
	ann.press(kb.Enter)
	ann.await("the login", `document.querySelector('input[name=user]')?.value === 'ann'`)
}

func TestFormattingIsASmallSubset(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	for _, tt := range []struct{ text, want string }{
		{"a **bold** and *thin* `co*d*e`", "a <strong>bold</strong> and <em>thin</em> <code>co*d*e</code>"},
		{"2*3*4 and snake_case_name, ** no **", "2*3*4 and snake_case_name, ** no **"},
		{"```go\nx := `1`\n```", "<pre><code>x := `1`</code></pre>"},
		{"see https://example.com/a_b_(c), now", `see <a href="https://example.com/a_b_(c)">https://example.com/a_b_(c)</a>, now`},
		{"(https://example.com/x)", `(<a href="https://example.com/x">https://example.com/x</a>)`},
		{"hi @ann and @annabel", `hi <bdi class="mention mention--me">@ann</bdi> and @annabel`},
	} {
		if _, _, err := s.Post(bob, "lobby", tt.text, ""); err != nil {
			t.Fatal(err)
		}
		markup := `document.querySelector('.lines').lastElementChild?.querySelector('.line__text').innerHTML.replace(/ (target|rel|tabindex)="[^"]*"/g, '')`
		ann.await(tt.want, markup+" === "+quote(tt.want))
	}
	s.Post(bob, "lobby", "🎉", "")
	ann.await("a large line", `document.querySelector('.lines').lastElementChild.matches('.line--large')`)
}

func TestWhatIsNewBeginsWithARule(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	ann.tells("read")
	ann.run(`document.getElementById("find").focus()`)
	ann.write("garden")
	ann.press(kb.Enter)
	ann.await("the garden", `document.title === 'garden'`)
	for _, text := range []string{"new one", "new two"} {
		if _, _, err := s.Post(bob, "lobby", text, ""); err != nil {
			t.Fatal(err)
		}
	}
	ann.await("the count", `document.title === '(2) garden'`)
	ann.run(`document.querySelector('nav a').click()`)
	ann.await("the rule", `/^New since \d\d:\d\d( [AP]M)?$/.test(document.querySelector('.new')?.innerText) && document.querySelector('.new').nextElementSibling.innerText.includes('new one')`)
	ann.await("read", `document.title === 'lobby'`)
	ann.say("mine")
	ann.await("no rule after an answer", `!document.querySelector('.new')`)
}
