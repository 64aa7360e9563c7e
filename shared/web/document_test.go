package web_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"confab/public"
	"confab/shared/web"
)

const asBrowser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

func withPage(c *web.Config) { c.Site = public.Files }

func TestRoomIsRenderedForABrowser(t *testing.T) {
	h := open(t, withPage)
	first := h.say(t, ann, "lobby", `<script>alert("1")</script> & {{room}}`)
	second := h.say(t, bob, "lobby", "</script><!-- as it was")
	h.do(t, ask{"PATCH", "/r/lobby/" + second.ID.String(), asJSON, `{"text":"as it is"}`, bob})
	last := h.say(t, ann, "lobby", "bye")
	page := read(t, h.do(t, ask{"GET", "/r/lobby", asBrowser, "", ann}))
	for _, want := range []string{
		`&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; {{room}}`, "as it is", "(edited)",
		`id="` + first.ID.String() + `"`, `<meta property="og:title" content="lobby">`, `action="/r/lobby"`, `<html lang="en">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the document lacks %s", want)
		}
	}
	body, _, _ := strings.Cut(page, `id="rendered"`)
	if strings.Contains(body, "alert(\"1") || strings.Count(page, "</script>") != 2 || strings.Contains(page, "<!--") {
		t.Errorf("what was said became markup:\n%s", page)
	}
	data := regexp.MustCompile(`(?s)<script type="application/json" id="rendered">(.*?)</script>`).FindStringSubmatch(page)
	var rendered struct {
		User struct{ ID string }
		Page struct {
			Room, Cursor string
			Events       []struct{ ID, Text string }
		}
	}
	if data == nil || json.Unmarshal([]byte(data[1]), &rendered) != nil || rendered.User.ID != ann.ID || rendered.Page.Room != "lobby" ||
		rendered.Page.Cursor != last.ID.String() || len(rendered.Page.Events) != 4 || !strings.HasPrefix(rendered.Page.Events[0].Text, "<script>") {
		t.Errorf("the script is told %q", data)
	}
}

func TestDocumentTellsGuestsAndPreviewsWhatTheyMayRead(t *testing.T) {
	for _, guests := range []bool{true, false} {
		h := open(t, func(c *web.Config) { withPage(c); c.Guests = guests })
		h.say(t, ann, "lobby", "for members")
		h.do(t, ask{"PATCH", "/r/lobby", asJSON, `{"title":"About the sea"}`, ann})
		page := read(t, h.do(t, ask{"GET", "/r/lobby", asBrowser, "", nobody}))
		if strings.Contains(page, "for members") != guests || strings.Contains(page, `content="About the sea"`) != guests {
			t.Errorf("guests %t read:\n%s", guests, page)
		}
		if strings.Contains(page, `id="rendered"`) {
			t.Error("a guest's page goes live without a login")
		}
	}
}

func TestRoomIsWrittenWithoutAScript(t *testing.T) {
	h := open(t, withPage)
	form := asForm + "\n" + asBrowser
	for range 2 { // sent twice, said once
		res := h.do(t, ask{"POST", "/r/lobby", form, "text=by+form&key=k1", ann})
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/r/lobby" {
			t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
		}
	}
	page := read(t, h.do(t, ask{"GET", "/r/lobby", asBrowser + "\nAccept-Language: zh-CN,en", "", ann}))
	if strings.Count(page, ">by form") != 1 || !strings.Contains(page, `<html lang="zh">`) || !strings.Contains(page, "刷新") {
		t.Errorf("the page:\n%s", page)
	}
}

func TestOlderPagesAndLinesHaveAddresses(t *testing.T) {
	h := open(t, withPage)
	var ids []string
	for range 120 {
		ids = append(ids, h.say(t, ann, "lobby", "line").ID.String())
	}
	page := read(t, h.do(t, ask{"GET", "/r/lobby", asBrowser, "", ann}))
	older := regexp.MustCompile(`/r/lobby\?before=([0-9-]+)"`).FindStringSubmatch(page)
	if older == nil || older[1] != ids[70] {
		t.Fatalf("older lines are at %q, not before %s", older, ids[70])
	}
	if page := read(t, h.do(t, ask{"GET", "/r/lobby?before=" + older[1], asBrowser, "", ann})); !strings.Contains(page, `id="`+ids[69]+`"`) || strings.Contains(page, ids[70]+`"`+" data-id") {
		t.Error("the page before does not end there")
	}
	page = read(t, h.do(t, ask{"GET", "/r/lobby/" + ids[40], asBrowser, "", ann}))
	if !strings.Contains(page, `line--asked" id="`+ids[40]) || !strings.Contains(page, ids[20]) || !strings.Contains(page, ids[60]) || strings.Contains(page, `id="`+ids[100]) {
		t.Error("a line is not shown in its context")
	}
	if res := h.do(t, ask{"GET", "/r/lobby/" + ids[40], "", "", ann}); res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a program gets %s", res.Header.Get("Content-Type"))
	}
}
