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

func TestEveryFormOfPost(t *testing.T) {
	const multipart = "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhi\r\n--b\r\nContent-Disposition: form-data; name=\"room\"\r\n\r\nops\r\n--b--\r\n"
	for _, tt := range []struct {
		ask
		code int
		room chat.RoomID
	}{
		{ask{"POST", "/post", asForm, "message=hi", ann}, 204, "lobby"},
		{ask{"POST", "/post", asForm, "message=hi&room=ops", ann}, 204, "ops"},
		{ask{"POST", "/post", "Content-Type: multipart/form-data; boundary=b", multipart, ann}, 204, "ops"},
		{ask{"POST", "/post", asJSON, `{"text":"hi"}`, ann}, 201, "lobby"},
		{ask{"POST", "/post", asJSON, `{"room":"ops","text":"hi","unknown":{"a":[1]}}`, ann}, 201, "ops"},
		{ask{"POST", "/r/ops", asForm, "text=hi", ann}, 201, "ops"},
		{ask{"POST", "/r/ops", asForm, "message=hi&room=other", ann}, 201, "ops"},
		{ask{"POST", "/r/ops", asText, "hi", ann}, 201, "ops"},
		{ask{"POST", "/r/ops", "Content-Type: text/plain", "hi\r\n", ann}, 201, "ops"},
		{ask{"POST", "/r/ops", asJSON + "; charset=utf-8", " {\"text\":\"hi\"}\n", ann}, 201, "ops"},
	} {
		h := open(t, nil)
		res := h.do(t, tt.ask)
		body := read(t, res)
		evs := h.tape.events[tt.room]
		if res.StatusCode != tt.code || len(evs) != 1 {
			t.Errorf("%+v: %s %s, %d events in %s", tt.ask, res.Status, body, len(evs), tt.room)
			continue
		}
		ev := evs[0]
		if ev.Text != "hi" || ev.By != ann || ev.Kind != chat.Message {
			t.Errorf("%+v: wrote %+v", tt.ask, ev)
		}
		if want := "/r/" + string(tt.room) + "/" + ev.ID.String(); res.Header.Get("Location") != want {
			t.Errorf("Location %q, want %q", res.Header.Get("Location"), want)
		}
		if want := string(chat.JSON(ev)) + "\n"; tt.code == 201 && body != want {
			t.Errorf("answered %s, want %s", body, want)
		}
	}
}

// However a client writes it: a form's percent signs make three bytes of each
// of up to four, JSON's escapes twelve of a character beyond the first plane.
func TestLongestTextIsTakenInEveryForm(t *testing.T) {
	h := open(t, nil)
	text := strings.Repeat("😀", chat.MaxText)
	for name, q := range map[string]ask{
		"JSON":    {"POST", "/r/lobby", "Content-Type: application/json", `{"text":"` + text + `"}`, ann},
		"escaped": {"POST", "/r/lobby", "Content-Type: application/json", `{"text":"` + strings.Repeat(`\ud83d\ude00`, chat.MaxText) + `"}`, ann},
		"form":    {"POST", "/r/lobby", "Content-Type: application/x-www-form-urlencoded", "text=" + percent(text), ann},
		"text":    {"POST", "/r/lobby", "Content-Type: text/plain", text, ann},
	} {
		res := h.do(t, q)
		if body := read(t, res); res.StatusCode != http.StatusCreated || !strings.Contains(body, text) {
			t.Errorf("%s: %s %.200s", name, res.Status, body)
		}
	}
}

func TestRepeatWithTheKeyIsTheFirst(t *testing.T) {
	for _, tt := range []struct{ target, head, body, other string }{
		{"/r/ops", asText + "\nIdempotency-Key: k1", "hi", "ho"},
		{"/r/ops", asJSON, `{"text":"hi","key":"k1"}`, `{"text":"ho","key":"k1"}`},
		{"/post", asJSON, `{"room":"ops","text":"hi","key":"k1"}`, `{"room":"ops","text":"ho","key":"k1"}`},
	} {
		h := open(t, nil)
		first := h.do(t, ask{"POST", tt.target, tt.head, tt.body, ann})
		again := h.do(t, ask{"POST", tt.target, tt.head, tt.body, ann})
		if first.StatusCode != 201 || first.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s first: %s", tt.target, first.Status)
		}
		if again.StatusCode != 200 || again.Header.Get("Idempotent-Replayed") != "true" || again.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("%s again: %s %v", tt.target, again.Status, again.Header)
		}
		if a, b := read(t, first), read(t, again); a != b || !strings.Contains(a, `"keyHash":"`+chat.KeyHash("u_ann", "k1")+`"`) {
			t.Errorf("first %s, again %s", a, b)
		}
		refused(t, h.do(t, ask{"POST", tt.target, tt.head, tt.other, ann}), 422, "This key was used for something else")
		if n := len(h.tape.events["ops"]); n != 1 {
			t.Errorf("%d lines were written", n)
		}
	}
	h := open(t, nil)
	for range 2 {
		if res := h.do(t, ask{"POST", "/post", asForm, "message=hi&key=k1", ann}); res.StatusCode != 204 {
			t.Errorf("form: %s", res.Status)
		}
	}
	if n := len(h.tape.events["lobby"]); n != 1 {
		t.Errorf("%d lines were written", n)
	}
}

func TestActsOnMessages(t *testing.T) {
	h := open(t, nil)
	ev := h.say(t, ann, "ops", "teh")
	path := "/r/ops/" + ev.ID.String()
	for _, tt := range []struct {
		ask
		want chat.Event
	}{
		{ask{"PATCH", path, asJSON, `{"text":"the "}`, ann}, chat.Event{Kind: chat.Edit, Target: ev.ID, Text: "the"}},
		{ask{"PUT", path + "/reactions/%F0%9F%91%8D", "", "", ann}, chat.Event{Kind: chat.Reaction, Target: ev.ID, Emoji: "👍"}},
		{ask{"DELETE", path + "/reactions/👍🏽", "", "", ann}, chat.Event{Kind: chat.Reaction, Target: ev.ID, Emoji: "👍🏽", Off: true}},
		{ask{"DELETE", path, "", "", ann}, chat.Event{Kind: chat.Delete, Target: ev.ID}},
		{ask{"PATCH", "/r/ops", asJSON, `{"title":"Operations"}`, ann}, chat.Event{Kind: chat.Title, Text: "Operations"}},
		{ask{"PATCH", "/r/ops", asJSON, `{"title":""}`, ann}, chat.Event{Kind: chat.Title}},
		{ask{"POST", "/r/ops", asJSON, `{"text":"so","reply":"` + ev.ID.String() + `"}`, ann}, chat.Event{Kind: chat.Message, Text: "so", Reply: ev.ID}},
		{ask{"POST", "/r/ops", asForm, "text=so&reply=" + ev.ID.String(), ann}, chat.Event{Kind: chat.Message, Text: "so", Reply: ev.ID}},
	} {
		res := h.do(t, tt.ask)
		got := decode[chat.Event](t, res)
		tt.want.Room, tt.want.By, tt.want.ID, tt.want.Prev = "ops", ann, got.ID, got.Prev
		if res.StatusCode/100 != 2 || got != tt.want || got.ID.IsZero() {
			t.Errorf("%s %s: %s %+v, want %+v", tt.method, tt.target, res.Status, got, tt.want)
		}
	}
	if res := h.do(t, ask{"PATCH", "/r/ops", asJSON, `{}`, ann}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a title that was not said: %s", res.Status)
	}
	keyed := ask{"PATCH", "/r/ops", asJSON + "\nIdempotency-Key: k", `{"title":"Ops"}`, ann}
	h.do(t, keyed)
	if res := h.do(t, keyed); res.StatusCode != 200 || res.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a repeated change of title: %s", res.Status)
	}
}

func TestTypingPassesBy(t *testing.T) {
	h := open(t, nil)
	if res := h.do(t, ask{"POST", "/r/ops/typing", "", "", ann}); res.StatusCode != http.StatusNoContent {
		t.Errorf("%s", res.Status)
	}
	if got := h.tape.passed; len(got) != 1 || got[0].Room != "ops" || got[0].Kind != chat.Typing || *got[0].By != ann {
		t.Errorf("passed by: %+v", got)
	}
}

// A user may type into any number of rooms, an address may not.
func TestTypingIsLimitedByAddress(t *testing.T) {
	left := 3
	h := open(t, func(c *web.Config) {
		c.AllowTyping = func(string) error {
			if left--; left < 0 {
				return &chat.RetryError{Err: fmt.Errorf("%w signals", chat.ErrTooMany), After: time.Second}
			}
			return nil
		}
	})
	for i := range 5 {
		res := h.do(t, ask{"POST", fmt.Sprintf("/r/room-%d/typing", i), "", "", ann})
		if want := i < 3; (res.StatusCode == http.StatusNoContent) != want || !want && res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("signal %d: %s", i, res.Status)
		}
	}
	if n := len(h.tape.passed); n != 3 {
		t.Errorf("%d signals passed, want 3", n)
	}
}

// hostile is text that would break a lesser frame, page or log.
var hostile = []string{
	"a\nb", "a\r\nb", "a\rb", "a\n\ndata: x\n\nid: 9-9", "data: x", "event: error", "a\u2028b\u2029c", "a\u0085b",
	"</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "]]>", `"}],"x":"`, `\u0000\n`, "${7*7}{{7*7}}",
	"\u202etxt.exe", "[00:00:00] bob: I quit", "a\n[00:00:00] bob: I quit", "a\u2028[00:00:00] bob: I quit", "%0d%0aSet-Cookie: a=b", "' OR 1=1 --", "🦊\u200d🦊",
}

// Whatever is said comes back as it was said, as one line of JSON.
func TestHostileTextStaysText(t *testing.T) {
	h := open(t, nil)
	for _, text := range hostile {
		res := h.do(t, ask{"POST", "/r/ops", asJSON, `{"text":` + string(chat.JSON(text)) + `}`, ann})
		if strings.Contains(text, "\u0085") { // a control character
			refused(t, res, 422, "U+0085")
			continue
		}
		body := strings.TrimSuffix(read(t, res), "\n")
		if res.StatusCode != 201 || strings.ContainsAny(body, "\n\r\u2028\u2029\u0085") {
			t.Errorf("%q: %s %q", text, res.Status, body)
		}
		if res.Header.Get("Content-Type") != "application/json" || len(res.Cookies()) > 0 {
			t.Errorf("%q: head %v", text, res.Header)
		}
	}
	evs := decode[struct{ Events []chat.Event }](t, h.do(t, ask{"GET", "/r/ops", "Accept: application/json", "", nobody})).Events
	kept := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	i := 0
	for _, text := range hostile {
		if strings.Contains(text, "\u0085") {
			continue
		}
		if evs[i].Text != kept.Replace(text) {
			t.Errorf("said %q, kept %q", text, evs[i].Text)
		}
		i++
	}
	script := read(t, h.do(t, ask{"GET", "/r/ops", "Accept: text/plain", "", nobody}))
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "[19:13:20] ann: ") && !strings.HasPrefix(line, "    ") {
			t.Errorf("a text looks like another's line: %q", line)
		}
	}
}
