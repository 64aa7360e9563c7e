package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/testenv"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a first visit may cost.
const (
	mostRequests = 12
	mostBytes    = 35 << 10
	mostLines    = 400 // in the page, however long the room
	mostShift    = 0.02
)

// A spoken is a line of a room that was there before the server.
type spoken struct {
	ago      time.Duration
	by, text string
	reply    int // the line it answers, counted from 1
}

// journal is a data folder in which these lines were said in the lobby.
func journal(tb testing.TB, lines []spoken) string {
	tb.Helper()
	var b bytes.Buffer
	now := time.Now()
	ids := []string{"0-0"}
	for i, l := range lines {
		id := fmt.Sprintf("%d-%d", now.Add(-l.ago).UnixMilli(), i)
		ev := map[string]any{"room": "lobby", "id": id, "prev": ids[i], "kind": "message", "text": l.text,
			"by": map[string]string{"id": "u_" + strings.ToLower(strings.Fields(l.by)[0]), "name": l.by}}
		if l.reply > 0 {
			ev["reply"] = ids[l.reply]
		}
		line, _ := json.Marshal(ev)
		b.Write(append(line, '\n'))
		ids = append(ids, id)
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return "DATA_DIR=" + dir
}

// longTalk is a room of n lines, the last just said.
func longTalk(n int) []spoken {
	lines := make([]spoken, n)
	for i := range lines {
		lines[i] = spoken{time.Duration(n-i) * time.Second, []string{"ada", "bob", "cat"}[i/3%3], fmt.Sprintf("line %d %s", i, strings.Repeat("word ", i%23)), 0}
	}
	return lines
}

// device makes the window a phone or a desktop, by day or by night.
func (w *window) device(phone bool, scheme string) {
	w.tb.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1}
	if phone {
		size = emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true}
	}
	send(w, emulation.SetDeviceMetricsOverride, size)
	send(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func TestFirstVisitIsLight(t *testing.T) {
	s := start(t)
	ann := visit(t, s.URL)
	ann.await("the login", `document.activeElement?.matches('input[name=user]') && document.readyState === 'complete'`)
	ann.await("no more loading", `performance.now() - Math.max(...performance.getEntriesByType('resource').map(r => r.responseEnd)) > 300`)
	ann.mu.Lock()
	requests, sent := slices.Clone(ann.requests), ann.bytes
	ann.mu.Unlock()
	t.Logf("login: %d requests, %.0f bytes", len(requests), sent)
	if len(requests) > mostRequests || sent > mostBytes {
		t.Errorf("the first visit took %d requests and %.0f bytes, at most %d and %d are right: %q", len(requests), sent, mostRequests, mostBytes, requests)
	}
	ann.join("ann")
	ann.mu.Lock()
	t.Logf("with the room: %d requests, %.0f bytes", len(ann.requests), ann.bytes)
	ann.mu.Unlock()
	ann.run(`new PerformanceObserver(list => { window.jumped = list.getEntries().reduce((n, e) => n + e.value, window.jumped) }).observe({ type: 'layout-shift', buffered: true }), window.jumped = 0`)
	ann.run(`requestAnimationFrame(() => setTimeout(() => { window.watched = true }, 200))`)
	ann.await("what jumped", `window.watched`)
	if jumped := eval[float64](ann, `window.jumped`); jumped > mostShift {
		t.Errorf("what one sees jumped by %.3f, at most %.3f is right", jumped, mostShift)
	}
}

func TestLongRoomKeepsFewLinesInThePage(t *testing.T) {
	t.Parallel()
	const all = 1500 // many times what the page holds
	s := start(t, journal(t, longTalk(all)))
	ann := visit(t, s.URL).join("ann")
	ann.await("the end", `document.querySelector('.lines').lastElementChild?.textContent.includes('line 1499')`)
	// Scroll to the beginning, and note whether what is read ever moves.
	ann.run(`(async () => {
		const log = document.querySelector('.log')
		const frame = () => new Promise(requestAnimationFrame)
		window.most = window.moved = 0
		while (document.querySelector('.log__begin').hidden) {
			log.scrollTop -= 1200
			await frame()
			const line = [...document.querySelectorAll('.line')].find(li => li.getBoundingClientRect().bottom > 100)
			const before = line.getBoundingClientRect().top, at = log.scrollTop
			await frame()
			if (line.isConnected && log.scrollTop !== at) window.moved = Math.max(window.moved, Math.abs(line.getBoundingClientRect().top - before))
			window.most = Math.max(window.most, document.querySelectorAll('.line').length)
		}
		window.begun = true
	})()`)
	ann.awaitFor(time.Minute, "the beginning", `window.begun && document.querySelector('.lines').textContent.includes('line 0 ')`)
	if n := eval[int](ann, `window.most`); n > mostLines || n == 0 {
		t.Errorf("%d lines in the page, at most %d are right", n, mostLines)
	}
	if px := eval[float64](ann, `window.moved`); px > 2 {
		t.Errorf("what was read moved by %.1f pixels", px)
	}
	if _, _, err := s.post(s.login("bob"), "lobby", "news", ""); err != nil {
		t.Fatal(err)
	}
	ann.await("the count of what is new", `document.querySelector('.jump').innerText === '1 new message'`)
	ann.run(`document.querySelector('.jump').click()`)
	ann.sees("news")
	ann.await("the end", `document.querySelector('.jump').hidden && document.querySelectorAll('.line').length <= 400`)
}

const axeVersion = "4.14.1"

// axe is the source of axe-core, as npm has it.
var axe = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(binary)
	out, err := exec.Command("npm", "pack", "--silent", "--pack-destination", dir, "axe-core@"+axeVersion).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm pack axe-core: %w: %s", err, out)
	}
	tar := exec.Command("tar", "-xzOf", filepath.Join(dir, "axe-core-"+axeVersion+".tgz"), "package/axe.min.js")
	src, err := tar.Output()
	return string(src), err
})

func (w *window) passesAxe(what string) {
	w.tb.Helper()
	src, err := axe()
	if err != nil {
		w.tb.Fatal(err)
	}
	w.run(`document.getAnimations().forEach(a => a.finish())`)
	eval[bool](w, "typeof axe === 'object' || (() => {"+src+"\n;return true})()")
	w.run(`axe.run().then(r => { window.found = r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')) })`)
	w.await("axe", "window.found")
	for _, violation := range eval[[]string](w, "window.found") {
		w.tb.Errorf("%s: %s", what, violation)
	}
	w.run("delete window.found")
}

func TestNothingStandsInAnybodysWay(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "npm")
	for _, scheme := range []string{"light", "dark"} {
		for _, phone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, phone %t", scheme, phone), func(t *testing.T) {
				t.Parallel()
				s := start(t, journal(t, talk))
				w := visit(t, s.URL)
				w.device(phone, scheme)
				w.await("the login", `document.activeElement?.matches('input[name=user]')`)
				w.passesAxe("login")
				w.join("ann")
				w.tells("own line, see https://example.com")
				w.passesAxe("room")
				w.run(`document.querySelector('.bar__people').click()`)
				w.run(lineWith("own line") + `.focus()`)
				w.passesAxe("people and tools")
				w.run(`document.querySelector('.bar__settings').click()`)
				w.passesAxe("settings")
				w.do(chromedp.Navigate(s.URL + "/?room=NO"))
				w.await("the problem", `document.querySelector('h1')?.innerText === 'There is no such room'`)
				w.passesAxe("problem")
				w.do(chromedp.Navigate(s.URL + "/r/garden"))
				w.awaitRoom()
				w.passesAxe("empty room")
				if _, _, err := s.post(s.login("bob"), "lobby", "for @ann", ""); err != nil {
					t.Fatal(err)
				}
				w.await("what is unread", `document.querySelector('.tab--mention')?.dataset.count === '1'`)
				w.passesAxe("unread")
				w.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
			})
		}
	}
}

// Forced colours take every colour of ours away: what shows state and focus is
// still there.
func TestForcedColoursShowTheSame(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "npm")
	s := start(t, journal(t, talk))
	ann := visit(t, s.URL)
	send(ann, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	ann.await("forced colours", `matchMedia('(forced-colors: active)').matches && document.activeElement?.matches('input[name=user]')`)
	ann.focusShows()
	ann.passesAxe("login")
	ann.join("ann")
	ann.open("kitchen")
	ann.open("lobby")
	ann.tells("own line")
	ann.passesAxe("room")
	current := `getComputedStyle(document.querySelector('nav li:has([aria-current])')).borderBlockEndWidth`
	if px := eval[string](ann, current); px != "2px" {
		t.Errorf("the room that one is in is underlined by %s", px)
	}
	for range 8 {
		ann.press(kb.Tab)
		ann.focusShows()
	}
	ann.run(`document.querySelector('.bar__settings').click()`)
	ann.passesAxe("settings")
	ann.press(kb.Tab)
	ann.focusShows()
}

// focusShows checks that one sees where the focus is.
func (w *window) focusShows() {
	w.tb.Helper()
	where := eval[[]string](w, `(() => {
		const one = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(one)
		return [one.outerHTML.slice(0, 120), one === document.body || one === document.documentElement ? 'page' : outlineStyle, outlineWidth]
	})()`)
	if where[1] == "none" || where[2] == "0px" {
		w.tb.Errorf("the focus does not show on %s", where[0])
	}
}

// History is put on the screen while the log is busy, so that nobody is read
// two hundred old lines; what comes after is not.
func TestHistoryIsNotReadOut(t *testing.T) {
	t.Parallel()
	s := start(t, journal(t, longTalk(200)))
	ann := visit(t, s.URL)
	ann.await("the login", `document.activeElement?.matches('input[name=user]')`)
	ann.run(`(() => {
		window.aloud = []
		new MutationObserver(changes => {
			for (const { addedNodes, target } of changes) for (const node of addedNodes) {
				const log = target.closest?.('[role=log]')
				if (log && !log.ariaBusy && node.matches?.('.line')) window.aloud.push(node.innerText)
			}
		}).observe(document.body, { childList: true, subtree: true })
	})()`)
	ann.join("ann")
	ann.await("the lines", `document.querySelectorAll('.line').length >= 50`)
	bob := s.login("bob")
	s.post(bob, "lobby", "aloud", "")
	ann.sees("aloud")
	if aloud := eval[[]string](ann, "window.aloud"); len(aloud) != 1 || !strings.Contains(aloud[0], "aloud") {
		t.Errorf("read out: %q", aloud)
	}
}

// talk is what the pictures show.
var talk = []spoken{
	{26 * time.Hour, "Ada", "Morning! The **release** is out.", 0},
	{26*time.Hour - time.Minute, "Ada", "Three people confirmed it already. Notes are in https://example.com/notes.", 0},
	{26*time.Hour - 3*time.Minute, "Björn Ægirsson", "I read them on the train. What I like best is that a line which was accepted is never lost: I went through four tunnels and every message of mine arrived, once, in the order in which I wrote it.", 2},
	{26*time.Hour - 4*time.Minute, "Ada", "That was the idea.", 0},
	{95 * time.Minute, "נועה", "שלום לכולם, אני כאן", 0},
	{90 * time.Minute, "Björn Ægirsson", "Is this all that it takes?\n```\ncurl -c jar -d user=ann $U/login\ncurl -b jar -d message=hi $U/post\n```", 0},
	{88 * time.Minute, "Ada", "Yes. And *curl -N* on `/stream` to listen.", 6},
}

// TestScreenshots makes the pictures of the README in the folder SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots sets where the pictures go")
	}
	var s *server
	for _, shot := range []struct {
		name, scheme string
		phone        bool
	}{{"light", "light", false}, {"dark", "dark", false}, {"phone-light", "light", true}, {"phone-dark", "dark", true}} {
		s = start(t, journal(t, talk))
		w := visit(t, s.URL)
		w.device(shot.phone, shot.scheme)
		w.join("Iris")
		for _, room := range []string{"kitchen", "garden", "lobby"} {
			w.run(`document.getElementById('find').focus()`)
			w.write(room)
			w.press(kb.Enter)
			w.await(room, fmt.Sprintf(`document.querySelector('h1').innerText.includes(%s) && document.activeElement?.id === 'box'`, quote(room)))
		}
		bob := s.login("bob")
		for n := range 3 {
			s.post(bob, "kitchen", fmt.Sprint("soup ", n), "")
		}
		w.await("the unread", `document.querySelector('.tabs [data-count]')?.dataset.count === '3'`)
		w.say("`make check` is green on my side.")
		w.await("that it was sent", `document.querySelector('.line--mine')?.dataset.id`)
		w.write("Shall I tag it?")
		w.await("the end", `document.querySelectorAll('.day').length >= 2`)
		w.run(`document.querySelector('.log').scrollTo(0, 1e6)`)
		w.picture(filepath.Join(dir, shot.name+".png"))
	}
	login := visit(t, s.URL)
	login.device(false, "light")
	login.await("the login", `document.activeElement?.matches('input[name=user]')`)
	login.picture(filepath.Join(dir, "login.png"))
}

// picture writes what is on the screen as a small PNG.
func (w *window) picture(path string) {
	w.tb.Helper()
	shot := send(w, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		w.tb.Fatal(err)
	}
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, fewColours(img)); err != nil {
		w.tb.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.tb.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		w.tb.Fatal(err)
	}
}

// fewColours keeps the 256 colours that a picture of text has most of, which
// nobody sees and which halves it.
func fewColours(img image.Image) image.Image {
	area, count := img.Bounds(), map[color.Color]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[img.At(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	few := image.NewPaletted(area, all[:min(len(all), 256)])
	draw.Draw(few, area, img, area.Min, draw.Src)
	return few
}
