package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/web"
)

type page struct {
	Room   chat.RoomID  `json:"room"`
	Title  string       `json:"title"`
	Events []chat.Event `json:"events"`
	Cursor chat.ID      `json:"cursor"`
	More   bool         `json:"more"`
}

func (p page) texts() string {
	var texts []string
	for _, ev := range p.Events {
		if ev.Kind == chat.Reset {
			ev.Text = "reset"
		}
		texts = append(texts, ev.Text)
	}
	return strings.Join(texts, " ")
}

func TestRoomInTheFormThatIsLikedBest(t *testing.T) {
	h := open(t, nil)
	ev := h.say(t, ann, "ops", "hi")
	const (
		text, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
		js, nd     = "application/json", "application/x-ndjson"
	)
	for accept, want := range map[string]string{
		"":                                      text,
		"*/*":                                   text,
		"text/*":                                text,
		"text/plain":                            text,
		"Text/Plain; charset=utf-8":             text,
		"application/json":                      js,
		"application/*":                         js,
		"application/json, */*":                 js,
		"application/json, text/plain, */*":     js,
		"text/plain, application/json":          text,
		"text/plain;q=0.5, application/json":    js,
		"*/*, text/plain;q=0.1":                 js,
		"text/html;q=0.9, application/x-ndjson": nd,
		"application/x-ndjson":                  nd,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": html,
		"image/png, text/html;q=0.1":               html,
		"nonsense, application/json;q=2, */*;q=.1": text,
		"application/json;q=0, */*":                text,
	} {
		res := h.do(t, ask{"GET", "/r/ops", "Accept: " + accept, "", nobody})
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != want {
			t.Errorf("Accept %q: %s as %s, want %s", accept, res.Status, got, want)
		}
		if vary := strings.Join(res.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept") {
			t.Errorf("Accept %q: Vary %q", accept, vary)
		}
	}
	if got := read(t, h.do(t, ask{"GET", "/r/ops", "", "", nobody})); got != "[19:13:20] ann: hi\n" {
		t.Errorf("transcript %q", got)
	}
	if got := read(t, h.do(t, ask{"GET", "/r/ops", "Accept: application/x-ndjson", "", nobody})); got != string(chat.JSON(ev))+"\n" {
		t.Errorf("NDJSON %q", got)
	}
	want := `{"room":"ops","title":"","events":[` + string(chat.JSON(ev)) + `],"cursor":"` + ev.ID.String() + `","more":false}` + "\n"
	if got := read(t, h.do(t, ask{"GET", "/r/ops", "Accept: application/json", "", nobody})); got != want {
		t.Errorf("JSON\n%s, want\n%s", got, want)
	}
}

func TestWithoutASiteThereIsNoPage(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Site = nil })
	refused(t, h.do(t, ask{"GET", "/r/ops", "Accept: text/html", "", nobody}), 406, "A room is read as text/plain")
	refused(t, h.do(t, ask{"GET", "/", "", "", nobody}), 404, "nothing at this address")
}

func TestEmptyRoomIsAPage(t *testing.T) {
	want := `{"room":"new","title":"","events":[],"cursor":"0-0","more":false}` + "\n"
	if got := read(t, open(t, nil).do(t, ask{"GET", "/r/new", "Accept: application/json", "", nobody})); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPagesJoinWithoutGapInBothDirections(t *testing.T) {
	h := open(t, nil)
	var all []string
	for i := range 23 {
		h.say(t, ann, "ops", fmt.Sprint(i))
		all = append(all, fmt.Sprint(i))
	}
	whole := strings.Join(all, " ")
	for _, rel := range []string{"prev", "next"} {
		target, seen := "/r/ops?limit=5", []string{}
		if rel == "next" {
			target += "&after=0-0"
		}
		for range 9 {
			res := h.do(t, ask{"GET", target, "Accept: application/json", "", nobody})
			link := res.Header.Values("Link")
			p := decode[page](t, res)
			if rel == "prev" {
				seen = append([]string{p.texts()}, seen...)
			} else {
				seen = append(seen, p.texts())
			}
			target = follow(link, rel)
			if p.More != (target != "") {
				t.Errorf("more %t but link %q", p.More, target)
			}
			if target == "" {
				break
			}
			if rel == "next" && p.Cursor != p.Events[len(p.Events)-1].ID {
				t.Errorf("the cursor %v is past what the page shows", p.Cursor)
			}
		}
		if got := strings.Join(seen, " "); got != whole {
			t.Errorf("following %s: %s", rel, got)
		}
	}
}

var linkPattern = regexp.MustCompile(`^<(/r/[^>]+)>; rel="(\w+)"$`)

func follow(links []string, rel string) string {
	for _, l := range links {
		if m := linkPattern.FindStringSubmatch(l); m != nil && m[2] == rel {
			return m[1]
		}
	}
	return ""
}

func TestLimitIsHundredAtMost(t *testing.T) {
	h := open(t, nil)
	for i := range 120 {
		h.say(t, ann, "ops", fmt.Sprint(i))
	}
	for query, want := range map[string]int{"": 50, "?limit=7": 7, "?limit=100": 100} {
		p := decode[page](t, h.do(t, ask{"GET", "/r/ops" + query, "Accept: application/json", "", nobody}))
		if len(p.Events) != want || p.Events[want-1].Text != "119" || p.Cursor != p.Events[want-1].ID {
			t.Errorf("%q: %d events, cursor %v", query, len(p.Events), p.Cursor)
		}
	}
	for _, query := range []string{"?limit=101", "?limit=100000"} {
		refused(t, h.do(t, ask{"GET", "/r/ops" + query, "", "", nobody}), 400, "1 to 100")
	}
}

func TestBrokenCursorIsAResetAndTheLastPage(t *testing.T) {
	h := open(t, nil)
	for i := range 9 {
		h.say(t, ann, "ops", fmt.Sprint(i))
	}
	h.tape.trim = chat.ID{MS: 1732130000004}
	for _, after := range []string{"1-0", "9999999999999-0", "x", "1-0,2-0", "%0A"} {
		res := h.do(t, ask{"GET", "/r/ops?limit=3&after=" + after, "Accept: application/json", "", nobody})
		body := read(t, res)
		var p page
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK || p.texts() != "reset 6 7 8" || !strings.Contains(body, `{"room":"ops","kind":"reset","cursor":"1732130000008-0"}`) {
			t.Errorf("after %s: %s %s", after, res.Status, body)
		}
	}
	p := decode[page](t, h.do(t, ask{"GET", "/r/ops?after=1732130000006-0", "Accept: application/json", "", nobody}))
	if p.texts() != "7 8" {
		t.Errorf("a good cursor: %s", p.texts())
	}
}

func TestTranscriptShowsMessagesAsTheyReadNow(t *testing.T) {
	h := open(t, nil)
	ev := h.say(t, ann, "ops", "teh")
	h.say(t, bob, "ops", "two\nlines")
	h.do(t, ask{"PATCH", "/r/ops/" + ev.ID.String(), asJSON, `{"text":"the"}`, ann})
	h.do(t, ask{"PUT", "/r/ops/" + ev.ID.String() + "/reactions/👍", "", "", bob})
	h.do(t, ask{"PATCH", "/r/ops", asJSON, `{"title":"Operations"}`, bob})
	want := "[19:13:20] ann: the\n[19:13:20] bob: two\n    lines\n"
	if got := read(t, h.do(t, ask{"GET", "/r/ops", "", "", nobody})); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if p := decode[page](t, h.do(t, ask{"GET", "/r/ops", "Accept: application/json", "", nobody})); p.Title != "Operations" || len(p.Events) != 5 {
		t.Errorf("%+v", p)
	}
}

func TestHeadOfARoomHasNoBody(t *testing.T) {
	h := open(t, nil)
	h.say(t, ann, "ops", "hi")
	res := h.do(t, ask{"HEAD", "/r/ops", "Accept: text/html", "", nobody})
	if res.StatusCode != 200 || read(t, res) != "" {
		t.Errorf("%s", res.Status)
	}
}

func TestRoomsAndPeople(t *testing.T) {
	h := open(t, nil)
	h.tape.here = []chat.User{ann, bob}
	ev := h.say(t, ann, "ops", "hi")
	for target, want := range map[string]string{
		"/rooms":               `{"rooms":[{"room":"ops","title":"","last":"` + ev.ID.String() + `","people":0}]}`,
		"/rooms?room=b&room=a": `{"rooms":[{"room":"a","title":"","last":"0-0","people":0},{"room":"b","title":"","last":"0-0","people":0}]}`,
		"/r/ops/people":        `{"people":[{"id":"u_ann","name":"ann"},{"id":"u_bob","name":"bob"}]}`,
	} {
		if got := read(t, h.do(t, ask{"GET", target, "", "", nobody})); got != want+"\n" {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	for target, want := range map[string]string{"/rooms": `{"rooms":[]}`, "/r/ops/people": `{"people":[]}`} {
		if got := read(t, open(t, nil).do(t, ask{"GET", target, "", "", nobody})); got != want+"\n" {
			t.Errorf("%s, nothing there: %s", target, got)
		}
	}
}

func TestEventIsWhereItsLocationSays(t *testing.T) {
	h := open(t, nil)
	res := h.do(t, ask{"POST", "/r/ops", asJSON, `{"text":"hi"}`, ann})
	at := res.Header.Get("Location")
	said := decode[chat.Event](t, res)
	h.say(t, ann, "ops", "and more")
	res = h.do(t, ask{"GET", at, "", "", nobody})
	if got := decode[chat.Event](t, res); res.StatusCode != http.StatusOK || got != said {
		t.Errorf("%s has %s %+v", at, res.Status, got)
	}
	refused(t, h.do(t, ask{"GET", "/r/ops/1-7", "", "", nobody}), 404, "no such event")
	refused(t, h.do(t, ask{"GET", "/r/ops/18446744073709551615-18446744073709551615", "", "", nobody}), 404, "no such event")
	refused(t, h.do(t, ask{"GET", strings.Replace(at, "/ops/", "/lobby/", 1), "", "", nobody}), 404, "no such event")
	refused(t, h.do(t, ask{"GET", "/r/ops/first", "", "", nobody}), 404, "")
}
