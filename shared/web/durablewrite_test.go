package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/web"
)

func texts(h *house, room chat.RoomID) string {
	var all []string
	for _, ev := range h.tape.events[room] {
		all = append(all, ev.Text)
	}
	return strings.Join(all, " ")
}

func TestArrayOfMessagesIsWrittenDownInOrder(t *testing.T) {
	h := open(t, nil)
	res := h.do(t, ask{"POST", "/r/ops", asJSON, " \n[\"one\", {\"text\":\"two\"}, {\"message\":\"three\"}]", ann})
	if got := texts(h, "ops"); res.StatusCode != http.StatusNoContent || got != "one two three" {
		t.Errorf("%s, written %q", res.Status, got)
	}
	if next := h.do(t, ask{"HEAD", "/r/ops", "", "", ann}).Header.Get("Stream-Next-Offset"); res.Header.Get("Stream-Next-Offset") != next || next == "" {
		t.Errorf("the offset after it is %q, the room's end %q", res.Header.Get("Stream-Next-Offset"), next)
	}
}

func TestBadArrayIsRefusedWhole(t *testing.T) {
	h := open(t, nil)
	for body, tt := range map[string]struct {
		code int
		says string
	}{
		`[]`: {400, "1 to 100"},
		`["x"` + strings.Repeat(`,"x"`, 100) + `]`: {400, "1 to 100"},
		`["one", " "]`:                    {422, "message 2 of 2; none was written down"},
		`["one", {"text":"x","reply":7}]`: {422, "Message 2 of 2"},
		`["one", 7]`:                      {422, "Message 2 of 2"},
		`["one"`:                          {400, "not JSON"},
	} {
		refused(t, h.do(t, ask{"POST", "/r/ops", asJSON, body, ann}), tt.code, tt.says)
	}
	refused(t, h.do(t, ask{"POST", "/r/ops", asJSON, `["one"]`, nobody}), 401, "Say your name first")
	if got := texts(h, "ops"); got != "" {
		t.Errorf("written down: %q", got)
	}
}

// Who repeats an array after a failure in the middle of it doubles nothing.
func TestArrayGoesOnWhereItBrokeOff(t *testing.T) {
	left := 2
	h := open(t, func(c *web.Config) {
		c.AllowPost = func(string) error {
			if left--; left < 0 {
				return &chat.RetryError{Err: fmt.Errorf("%w posts", chat.ErrTooMany), After: time.Second}
			}
			return nil
		}
	})
	post := ask{"POST", "/r/ops", asJSON + "\nIdempotency-Key: k", `["one","two","three"]`, ann}
	res := h.do(t, post)
	if res.Header.Get("Retry-After") == "" {
		t.Error("nothing says when to come again")
	}
	refused(t, res, 429, "message 3 of 3; those before it are written down")
	left = 9
	if res := h.do(t, post); res.StatusCode != http.StatusNoContent {
		t.Errorf("repeated: %s", res.Status)
	}
	if got := texts(h, "ops"); got != "one two three" {
		t.Errorf("written down: %q", got)
	}
}

func TestProducerRepeatsWithoutHarm(t *testing.T) {
	h := open(t, nil)
	headers := func(id, epoch, seq string) string {
		return asJSON + "\nProducer-Id: " + id + "\nProducer-Epoch: " + epoch + "\nProducer-Seq: " + seq
	}
	for _, tt := range []struct {
		head, body string
		code       int
	}{
		{headers("p", "0", "0"), `["one","two"]`, 200},
		{headers("p", "0", "0"), `["one","two"]`, 204},   // a repeat
		{headers("p", "0", "0"), `["other","two"]`, 204}, // said before is said
		{headers("p", "0", "1"), `["three"]`, 200},
		{headers("p", "1", "0"), `{"text":"four"}`, 200},
		{headers("p", "1", "0"), `{"text":"four"}`, 204},
		{headers("p–"+strings.Repeat("long", 99), "0", "0"), `["five"]`, 200},
	} {
		res := h.do(t, ask{"POST", "/r/ops", tt.head, tt.body, ann})
		if res.StatusCode != tt.code || res.Header.Get("Producer-Epoch") == "" || tt.code == 200 && res.Header.Get("Stream-Next-Offset") == "" {
			t.Errorf("%q %s: %s %v, want %d", tt.head, tt.body, res.Status, res.Header, tt.code)
		}
	}
	if got := texts(h, "ops"); got != "one two three four five" {
		t.Errorf("written down: %q", got)
	}
	for _, head := range []string{
		asJSON + "\nProducer-Id: p", asJSON + "\nProducer-Epoch: 0\nProducer-Seq: 0", headers("", "0", "0"),
		headers("p", "-1", "0"), headers("p", "0", "1.5"), headers("p", "01", "0"), headers("p", "0", "99999999999999999999"),
	} {
		refused(t, h.do(t, ask{"POST", "/r/ops", head, `["x"]`, ann}), 400, "Producer-Id")
	}
}

func TestRoomIsCreatedBySayingSo(t *testing.T) {
	h := open(t, nil)
	create := ask{"PUT", "/r/ops", asJSON, "", ann}
	if res := h.do(t, create); res.StatusCode != http.StatusCreated || res.Header.Get("Stream-Next-Offset") == "" {
		t.Errorf("a room that nobody posted into: %s %v", res.Status, res.Header)
	}
	said := h.say(t, ann, "ops", "hi")
	if res := h.do(t, create); res.StatusCode != http.StatusOK || res.Header.Get("Stream-Next-Offset") != fmt.Sprintf("%016x_%016x", said.ID.MS, said.ID.Seq) {
		t.Errorf("a room that is there: %s %v", res.Status, res.Header)
	}
	refused(t, h.do(t, ask{"PUT", "/r/ops", asJSON, "", nobody}), 401, "Say your name first")
	refused(t, h.do(t, ask{"PUT", "/r/ops", asText, "", ann}), 415, "application/json")
	refused(t, h.do(t, ask{"PUT", "/r/ops", asJSON, `["hi"]`, ann}), 422, "A room is created empty")
}
