package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/web"
)

type hits struct {
	Events []chat.Event
	Cursor chat.ID
	More   bool
}

func (h *house) search(tb testing.TB, query string) (out hits) {
	tb.Helper()
	res := h.do(tb, ask{"GET", "/r/lobby?" + query, "Accept: application/json", "", ann})
	if body := read(tb, res); res.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &out) != nil {
		tb.Fatalf("%s: %s %s", query, res.Status, body)
	}
	return out
}

func TestSearchFindsTextAsItReadsNow(t *testing.T) {
	h := open(t, nil)
	for _, text := range []string{"我家在上海东边", "Straße nach ΟΔΟΣ", "ｆｕｌｌ ｗｉｄｔｈ", "The Sea, the sea", "nothing"} {
		h.say(t, ann, "lobby", text)
	}
	changed := h.say(t, bob, "lobby", "before the change")
	h.do(t, ask{"PATCH", "/r/lobby/" + changed.ID.String(), asJSON, `{"text":"after the turn"}`, bob})
	for look, want := range map[string]string{
		"上海": "我家在上海东边", "οδος": "Straße nach ΟΔΟΣ", "full width": "ｆｕｌｌ ｗｉｄｔｈ", "FULL": "ｆｕｌｌ ｗｉｄｔｈ", "SEA, THE": "The Sea, the sea",
		"turn": "after the turn", "change": "", "ghost": "", "straße": "Straße nach ΟΔΟΣ",
	} {
		got := h.search(t, url.Values{"q": {look}}.Encode())
		if text := fmt.Sprint(slices.Collect(func(yield func(string) bool) {
			for _, ev := range got.Events {
				yield(ev.Text)
			}
		})); text != "["+want+"]" {
			t.Errorf("%q finds %s, not %q", look, text, want)
		}
	}
}

// The description knows one shape of a room's pages.
func TestSearchHasTheShapeOfAPage(t *testing.T) {
	h := open(t, nil)
	h.say(t, ann, "lobby", "sea")
	keys := func(query string) []string {
		var fields map[string]json.RawMessage
		body := read(t, h.do(t, ask{"GET", "/r/lobby" + query, "Accept: application/json", "", ann}))
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			t.Fatal(err, body)
		}
		return slices.Sorted(maps.Keys(fields))
	}
	if found, page := keys("?q=sea"), keys(""); !slices.Equal(found, page) {
		t.Errorf("a search has %q, a page %q", found, page)
	}
}

func TestSearchGoesOnFromItsCursor(t *testing.T) {
	h := open(t, nil)
	for i := range 45 {
		h.say(t, ann, "lobby", fmt.Sprint("needle ", i))
		h.say(t, ann, "lobby", "hay")
	}
	var all []string
	for query := "q=needle"; ; {
		got := h.search(t, query)
		for _, ev := range got.Events {
			all = append(all, ev.Text)
		}
		if !got.More {
			break
		}
		query = "q=needle&before=" + got.Cursor.String()
	}
	if len(all) != 45 || all[0] != "needle 44" || all[44] != "needle 0" {
		t.Errorf("found %d: %q", len(all), all)
	}
}

func TestSearchIsBounded(t *testing.T) {
	h := open(t, func(c *web.Config) {
		c.Guests = false
		c.AllowSearch = func(string) error {
			return &chat.RetryError{Err: fmt.Errorf("%w searches", chat.ErrTooMany), After: time.Second}
		}
	})
	for _, tt := range []struct {
		query string
		as    chat.User
		code  int
	}{
		{"q=", ann, 400}, {"q=+", ann, 400}, {"q=" + string(slices.Repeat([]byte("a"), 101)), ann, 400}, {"q=%ff", ann, 400}, {"q=a&limit=0", ann, 400},
		{"q=a", nobody, 401}, {"q=a", ann, 429},
	} {
		if res := h.do(t, ask{"GET", "/r/lobby?" + tt.query, "Accept: application/json", "", tt.as}); res.StatusCode != tt.code {
			t.Errorf("%s: %s, not %d", tt.query, res.Status, tt.code)
		}
	}
}
