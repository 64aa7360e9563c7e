package rooms_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

// endsWithin is how soon after the answer to a ban its user's streams end, on
// every server.
const endsWithin = time.Second

// A house is the servers of one chat, with an owner and somebody who will lose
// the right to read.
type house struct {
	*testing.T
	servers  []*process.Server
	ann, eve *http.Client
	eveID    string
}

func TestWhoLosesTheRightToReadIsCutOffEverywhere(t *testing.T) {
	t.Parallel()
	free := []string{"STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0", "POSTS_PER_SECOND=0", "SESSION_KEYS=0123456789abcdef0123456789abcdef"}
	for engine, start := range map[string]func(*testing.T) []*process.Server{
		"built-in": func(t *testing.T) []*process.Server { return []*process.Server{process.Start(t, free...)} },
		"Redis": func(t *testing.T) []*process.Server {
			env := append(free, "REDIS_URL="+redistest.Start(t))
			return []*process.Server{process.Start(t, env...), process.Start(t, env...)}
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := &house{T: t, servers: start(t)}
			h.ann, h.eve = h.servers[0].Login("ann"), h.servers[0].Login("eve")
			h.eveID = h.idOf(h.eve)
			h.loses("open", "banned", http.StatusForbidden, func(room string) int {
				return h.do(h.ann, "PUT", room+"/bans/"+h.eveID, `{"reason":"abuse"}`, nil)
			})
			h.loses("private", "removed", http.StatusNotFound, func(room string) int {
				return h.do(h.ann, "DELETE", room+"/members/"+h.eveID, "", nil)
			})
			h.loses("private", "banned", http.StatusNotFound, func(room string) int {
				return h.do(h.ann, "PUT", room+"/bans/"+h.eveID, `{}`, nil)
			})
			h.loses("private", "closed", http.StatusNotFound, func(room string) int {
				return h.do(h.ann, "DELETE", room, "", nil)
			})
		})
	}
}

// loses has somebody lose the right to read a room of some access, while she
// reads it in every way on every server.
func (h *house) loses(access, why string, refusal int, act func(room string) int) {
	h.Helper()
	var made struct{ Room string }
	title := fmt.Sprintf(`{"title":"ops %s %s","access":%q}`, access, why, access)
	if code := h.do(h.ann, "POST", "/rooms", title, &made); code != http.StatusCreated {
		h.Fatalf("making a room: %d", code)
	}
	room := "/r/" + made.Room
	if access == "private" {
		h.do(h.ann, "PUT", room+"/members/"+h.eveID, `{"role":"member"}`, nil)
	}
	said := h.say(room, "before")
	taps := h.tapAll(h.eve, made.Room, said.Prev)
	stays := h.tap(h.ann, h.last(), ways["SSE"], made.Room, said.Prev)
	for _, tap := range append(taps, stays) {
		tap.await(h, "the first line", func() bool { return tap.has("before") })
	}
	for _, s := range h.servers { // a poll that comes too late is refused
		taps = append(taps, h.tap(h.eve, s, ways["long poll"], made.Room, said.ID))
	}

	if code := act(room); code != http.StatusOK {
		h.Fatalf("%s, %s: %d", access, why, code)
	}
	acknowledged := time.Now()
	refused := h.do(h.eve, "POST", room, `{"text":"a last word"}`, nil)
	if why != "closed" {
		h.say(room, "after")
	}
	if refused != refusal {
		h.Errorf("%s, %s: a post was answered %d, want %d", access, why, refused, refusal)
	}
	for _, tap := range taps {
		tap.await(h, "its end", tap.isOver)
		if took := tap.over.Sub(acknowledged); took > endsWithin {
			h.Errorf("%s, %s: %s ended after %v", access, why, tap.name, took)
		}
		if tap.has("after") || tap.status != refusal && !tap.has(fmt.Sprintf("%q:%q", "why", why)) {
			h.Errorf("%s, %s: %s was shown\n%s", access, why, tap.name, tap.text())
		}
	}
	for _, tap := range h.tapAll(h.eve, made.Room, said.Prev) {
		tap.await(h, "the refusal", tap.isOver)
		if tap.status != refusal || tap.has("before") || tap.has("after") {
			h.Errorf("%s, %s: %s with the old cursor: %d\n%s", access, why, tap.name, tap.status, tap.text())
		}
	}
	if why == "closed" {
		return
	}
	stays.await(h, "the line after", func() bool { return stays.has("after") })
}

// do asks the server where the owner is, and returns the status.
func (h *house) do(c *http.Client, method, path, body string, v any) int {
	h.Helper()
	req, err := http.NewRequest(method, h.servers[0].URL+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && v != nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		h.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, bytes.TrimSpace(b))
	}
	return resp.StatusCode
}

func (h *house) idOf(c *http.Client) string {
	var me struct{ User struct{ ID string } }
	h.do(c, "GET", "/login", "", &me)
	return me.User.ID
}

func (h *house) say(room, text string) (ev process.Event) {
	h.Helper()
	if code := h.do(h.ann, "POST", room, fmt.Sprintf(`{"text":%q}`, text), &ev); code != http.StatusCreated {
		h.Fatalf("the owner's post: %d", code)
	}
	return ev
}

// last is the server at which nobody writes, if there are several.
func (h *house) last() *process.Server { return h.servers[len(h.servers)-1] }

func (h *house) await(what string, ok func() bool) {
	h.Helper()
	testenv.Await(h, what, 10*time.Second, ok)
}
