package web_test

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/web"
)

const nowhere = "0000000000000000_0000000000000000"

func TestDurableCatchUpInChunks(t *testing.T) {
	h := open(t, nil)
	for i := range 501 {
		h.say(t, ann, "ops", strconv.Itoa(i))
	}
	offset, texts, offsets := "-1", 0, []string{nowhere}
	for range 3 {
		target := "/r/ops?offset=" + offset
		res := h.do(t, ask{"GET", target, "", "", nobody})
		for _, ev := range decode[[]chat.Event](t, res) {
			if ev.Text != strconv.Itoa(texts) {
				t.Fatalf("got %s, want %d", ev.Text, texts)
			}
			texts++
		}
		offset = res.Header.Get("Stream-Next-Offset")
		offsets = append(offsets, offset)
		if got, want := res.Header.Get("Stream-Up-To-Date") == "true", texts == 501; got != want {
			t.Errorf("after %d: up to date %t", texts, got)
		}
		tag := res.Header.Get("ETag")
		if again := h.do(t, ask{"GET", target, "If-None-Match: " + tag, "", nobody}); tag == "" || again.StatusCode != 304 {
			t.Errorf("ETag %q: %s again", tag, again.Status)
		}
	}
	if !slices.IsSorted(offsets) || texts != 501 {
		t.Errorf("%d events, offsets %q", texts, offsets)
	}
	head := h.do(t, ask{"HEAD", "/r/ops", "", "", nobody})
	if head.StatusCode != 200 || head.Header.Get("Stream-Next-Offset") != offset || head.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD %s %v", head.Status, head.Header)
	}
	now := h.do(t, ask{"GET", "/r/ops?offset=now", "", "", nobody})
	if read(t, now) != "[]" || now.Header.Get("Stream-Next-Offset") != offset || now.Header.Get("Stream-Up-To-Date") != "true" || now.Header.Get("ETag") != "" {
		t.Errorf("now: %v", now.Header)
	}
}

func TestDurableRefusals(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Guests = false })
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=-1", "", "", nobody}), 401, "")
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=7", "", "", ann}), 400, "Offset is -1, now")
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=" + strings.ToUpper(nowhere[:15]) + "A_" + nowhere[:16], "", "", ann}), 400, "Offset is -1, now")
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=", "", "", ann}), 400, "Say one offset")
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=-1&offset=-1", "", "", ann}), 400, "Say one offset")
	refused(t, h.do(t, ask{"GET", "/r/ops?live=sse", "", "", ann}), 400, "needs an offset")
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=-1&live=fax", "", "", ann}), 400, "Live may be")
	h.say(t, ann, "ops", "one")
	h.tape.trim = chat.ID{MS: 1732130000000}
	refused(t, h.do(t, ask{"GET", "/r/ops?offset=" + nowhere[:15] + "1_" + nowhere[:16], "", "", ann}), 410, "does not go back")
	refused(t, h.do(t, ask{"GET", "/r/ops?live=sse&offset=" + nowhere[:15] + "1_" + nowhere[:16], "", "", ann}), 410, "does not go back")
}

func TestDurableLiveReads(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	l.say(t.Context(), t, "lobby", 3)
	res, err := get(t.Context(), l.URL+"/r/lobby?offset=-1&live=long-poll", http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	if evs := decode[[]chat.Event](t, res); len(evs) != 3 {
		t.Errorf("long poll gave %d events", len(evs))
	}
	stale := res.Header.Get("Stream-Cursor")
	res, err = get(t.Context(), l.URL+"/r/lobby?offset=-1&live=long-poll&cursor="+stale, http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	old, _ := strconv.Atoi(stale)
	if newer, _ := strconv.Atoi(res.Header.Get("Stream-Cursor")); newer <= old {
		t.Errorf("cursor %d after %d: a cache would loop", newer, old)
	}
}

// The protocol's clients take what lies before a control event for one batch, and
// look for it right behind the colon.
func TestDurableStreamBeginsWithDataIfThereIsAny(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	first := func() (string, http.Header) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := get(ctx, l.URL+"/r/lobby?offset=-1&live=sse", http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		in, out := bufio.NewReader(res.Body), ""
		for !strings.Contains(out, "upToDate") {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			out += line
		}
		return out, res.Header
	}
	out, header := first()
	if want := `event: control
data:{"streamNextOffset":"` + nowhere; !strings.HasPrefix(out, want) {
		t.Errorf("an empty room begins with %q", out)
	}
	if got := header.Get("Cache-Control"); !strings.Contains(got, "no-cache") || !strings.Contains(got, "no-transform") {
		t.Errorf("Cache-Control is %q", got)
	}
	l.say(t.Context(), t, "lobby", 2)
	if out, _ := first(); !strings.HasPrefix(out, "event: data\ndata:[{") || strings.Count(out, "event: control") != 1 {
		t.Errorf("a room with two messages begins with %q", out)
	}
}
