package page_test

import (
	"fmt"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/chromedp"
)

const onScreenJS = `(li => { const log = document.querySelector('.log').getBoundingClientRect(), line = li?.getBoundingClientRect(); return line && line.top >= log.top - 1 && line.bottom <= log.bottom + 1 })`

// Whoever comes back to many lines begins where the new ones do, finds
// the one that speaks to them, and marks nothing as read but what was on the
// screen.
func TestManyUnreadLinesBeginAtTheFirst(t *testing.T) {
	t.Parallel()
	for _, many := range []int{100, 200} { // what is in the page at once, and more
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			t.Parallel()
			manyUnread(t, many)
		})
	}
}

func manyUnread(t *testing.T, many int) {
	s := process.Start(t, "POSTS_PER_SECOND=0", "POST_BURST=0")
	ann, bob := visit(t, s.URL).join("ann"), s.Login("bob")
	ann.tells("read long ago")
	ann.open("kitchen")
	ann.open("lobby")
	ann.do(chromedp.Navigate("about:blank")) // and is away before the first of them
	for n := range many {
		text := fmt.Sprintf("line %d", n)
		if n == 70 {
			text = "line 70 for @ann"
		}
		if code, _, err := s.Post(bob, "lobby", text, ""); err != nil || code != 201 {
			t.Fatal(code, err)
		}
	}
	ann = ann.tab(s.URL)
	ann.awaitRoom()
	first := lineWith("line 0")
	ann.await("the rule before the first", `/^New since \d\d:\d\d( [AP]M)?$/.test(document.querySelector('.new')?.innerText)`)
	ann.await("the first unread line on the screen", onScreenJS+`([...document.querySelectorAll('.line')].find(li => li.textContent.includes('line 0')))`)
	ann.await("a way to the newest", `/^\d+ new messages$/.test(document.querySelector('.jump').innerText) && !document.querySelector('.jump').hidden`)
	unread := `Number(/^\((\d+)\)/.exec(document.title)?.[1] ?? 0)`
	seen := eval[int](ann, `[...document.querySelectorAll('.line')].filter(li => /line \d/.test(li.textContent) && `+onScreenJS+`(li)).length`)
	if n := eval[int](ann, unread); n < many-seen-1 || n == many {
		t.Errorf("%d are unread of %d, and %d are on the screen", n, many, seen)
	}

	ann.run(button("Mentioned you") + `.click()`)
	ann.await("the mention on the screen", onScreenJS+`(document.querySelector('.line--mention'))`)
	ann.await("no more way to it", `document.querySelector('.ways__mention').hidden`)
	ann.run(`document.querySelector('.jump').click()`)
	ann.await("the end", onScreenJS+`(`+lineWith(fmt.Sprintf("line %d", many-1))+`)`)
	if n := eval[int](ann, unread); n < many/4 {
		t.Errorf("%d are unread after a jump over most of them", n)
	}
	ann.run(button("First unread") + `.click()`)
	ann.await("the first that was not on the screen", `document.activeElement?.matches('.line') && `+onScreenJS+`(document.activeElement)`)

	ann.reload()
	ann.await("still unread after a reload", unread+fmt.Sprintf(` > %d`, many/4))
	if eval[bool](ann, first+` === undefined`) {
		t.Error("it does not begin where the unread lines do")
	}
	ann.run(button("Mark all as read") + `?.click()`)
}

// A mention in another room is seen wherever one looks: on the button of a
// phone, and at the edge of a long table of contents.
func TestMentionInAnotherRoomIsSeen(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	bob := s.Login("bob")
	ann := visit(t, s.URL+"/r/room-0", func(w *window) { w.touch(390, 844) }).join("ann")
	for n := 1; n < 14; n++ {
		ann.open(fmt.Sprintf("room-%d", n))
	}
	if _, _, err := s.Post(bob, "room-0", "hi @ann", ""); err != nil {
		t.Fatal(err)
	}
	rooms := `document.querySelector('.bar__rooms')`
	ann.await("the button that says so", rooms+`.ariaLabel === 'Rooms, 1 unread, you are mentioned' && `+rooms+`.checkVisibility()`)
	ann.isReachable(rooms)
	ann.tap(rooms)
	ann.await("the rooms", `document.querySelector('.contents').matches(':popover-open')`)
	ann.run(`document.querySelector('.contents__rooms').scrollTo(0, 1e6)`)
	ann.await("the mention at the edge", `(() => {
		const list = document.querySelector('.contents__rooms').getBoundingClientRect()
		const room = document.querySelector('.contents__list .place--mention').getBoundingClientRect()
		return room.top >= list.top - 1 && room.bottom <= list.bottom + 1
	})()`)
	ann.tap(`document.querySelector('.contents__list .place--mention')`)
	ann.await("the room", `document.title === 'room-0' && !document.querySelector('.contents').matches(':popover-open')`)
	ann.sees("hi @ann")
}

// Wherever there is little width, a long topic and long names of rooms leave
// everything in reach.
func TestNarrowScreensKeepTheRoomsInReach(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	ann := visit(t, s.URL+"/r/a-room-whose-name-goes-on-and-on-and-on-until-it-is-sixty").join("ann")
	for range 2 {
		ann.run(`document.querySelector('.bar__settings').click()`)
		ann.run(`document.querySelector('.dialog [name=topic]').value = 'A topic as long as a topic may be, which is eighty characters, and that is much', document.querySelector('.dialog [name=topic]').dispatchEvent(new Event('change', { bubbles: true })), document.querySelector('.dialog').close()`)
		ann.await("the topic", `document.querySelector('.bar__topic').textContent.startsWith('A topic')`)
	}
	ann.open("kitchen")
	ann.run(`document.querySelector('.contents__list .place').click()`)
	for _, width := range []int64{320, 390, 640, 720, 768, 820, 1024, 1280} {
		ann.touch(width, 800)
		ann.await("the width", fmt.Sprintf(`innerWidth === %d`, width))
		ann.await("no sideways scrolling", `document.documentElement.scrollWidth <= innerWidth`)
		for _, what := range []string{".bar__people", ".bar__settings", ".bar__room", ".composer__send"} {
			if px := eval[float64](ann, fmt.Sprintf(`(b => Math.min(b.width, innerWidth - b.right, b.left))(document.querySelector(%s).getBoundingClientRect())`, quote(what))); px < 0 {
				t.Errorf("at %d pixels, %s leaves the screen", width, what)
			}
		}
		way := `.bar__rooms`
		if width >= 768 {
			way = `.contents__list .place`
		}
		if px := eval[float64](ann, `document.querySelector(`+quote(way)+`).getBoundingClientRect().width`); px < 40 {
			t.Errorf("at %d pixels, the rooms are %.0f pixels wide", width, px)
		}
	}
}
