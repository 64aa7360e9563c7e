package rooms_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

// hearsWithin is how late a notice may be whose server died: another one looks
// for it every five seconds, ten after the dead one had taken it up.
const hearsWithin = 25 * time.Second

// A server dies in the middle of lines that name somebody. She hears of each line
// that is in the room exactly once, and her stream elsewhere is told.
func TestServerThatDiesLosesNoNoticeAndDoublesNone(t *testing.T) {
	t.Parallel()
	env := []string{"POSTS_PER_SECOND=0", "SESSION_KEYS=0123456789abcdef0123456789abcdef"}
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		env := append(env, "REDIS_URL="+redistest.Start(t))
		dies, lives := process.Start(t, env...), process.Start(t, env...)
		hearsOfAll(&house{T: t, servers: []*process.Server{lives}}, dies, func() {})
	})
	t.Run("built-in", func(t *testing.T) {
		t.Parallel()
		s := process.Start(t, env...)
		hearsOfAll(&house{T: t, servers: []*process.Server{s}}, s, s.Restart)
	})
}

// hearsOfAll kills a server under posts, and looks on the one that lives, or that
// is there again.
func hearsOfAll(h *house, dies *process.Server, again func()) {
	ann, bob := h.servers[0].Login("ann"), dies.Login("bob")
	id := h.idOf(ann)
	if code := h.do(ann, "POST", "/r/names", `{"text":"here"}`, nil); code != http.StatusCreated {
		h.Fatalf("a post: %d", code)
	}
	stream := h.tap(ann, h.servers[0], ways["SSE"], "lobby", "")
	stream.await(h, "it opens", func() bool { return stream.has("event: open") })

	acknowledged := 0
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 100 {
				code, _, err := dies.Post(bob, "names", fmt.Sprintf("%d.%d @ann", w, i), fmt.Sprintf("k%d.%d", w, i))
				if err != nil {
					return
				}
				mu.Lock()
				if code == http.StatusCreated {
					acknowledged++
				}
				mu.Unlock()
			}
		})
	}
	h.await("some lines are said", func() bool { mu.Lock(); defer mu.Unlock(); return acknowledged > 20 })
	stream.await(h, "it is told of a notice", func() bool { return stream.has(`{"kind":"inbox","id":"`) })
	dies.Kill()
	writers.Wait()
	again()

	lines := map[string]bool{}
	for _, ev := range h.pages(ann, "/r/names") {
		if ev.By.Name == "bob" {
			lines[ev.ID] = true
		}
	}
	if len(lines) < acknowledged {
		h.Errorf("%d lines are in the room, %d were acknowledged", len(lines), acknowledged)
	}
	var notices []noticeShown
	testenv.Await(h, "she hears of all lines", hearsWithin, func() bool {
		notices = h.pages(ann, "/r/@"+id)
		return len(notices) >= len(lines)
	})
	for _, n := range notices {
		if n.Kind != "notice" || !lines[n.Of.ID] {
			h.Errorf("she hears of %s twice, or it was not said", n.Of.ID)
		}
		delete(lines, n.Of.ID)
	}
	last := notices[len(notices)-1].ID
	fresh := h.tap(ann, h.servers[0], ways["SSE"], "lobby", "")
	fresh.await(h, "it opens with the last notice", func() bool { return fresh.has(fmt.Sprintf(`"inbox":%q`, last)) })
}

type noticeShown struct {
	ID   string
	Kind string
	By   struct{ Name string }
	Of   struct{ ID string }
}

// pages reads all of a room.
func (h *house) pages(c *http.Client, path string) (all []noticeShown) {
	h.Helper()
	after := "0-0"
	for {
		var page struct {
			Events []noticeShown
			Cursor string
			More   bool
		}
		if code := h.do(c, "GET", path+"?limit=100&after="+after, "", &page); code != http.StatusOK {
			h.Fatalf("%s: %d", path, code)
		}
		all = append(all, page.Events...)
		if after = page.Cursor; !page.More {
			return all
		}
	}
}
