package web

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/nickname"
)

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "*/*", "text/html;q=0.9, */*;q=0.1", "application/json;q=2", ";;,,q=", "text/event-stream ; q = 1", "a/*;q=NaN"} {
		f.Add(s)
	}
	offers := []string{typeSSE, typeJSON, typeHTML}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", header)
		if got := accepts(r, offers...); got != "" && !slices.Contains(offers, got) {
			t.Errorf("%q: %q was not offered", header, got)
		}
		if header != "" && accepts(r) != "" {
			t.Errorf("%q: something of nothing", header)
		}
	})
}

func FuzzOffset(f *testing.F) {
	for _, s := range []string{"-1", "now", offsetOf(chat.ID{MS: 1732130000000, Seq: 7}), "_", "0_0", strings.Repeat("F", 16) + "_" + strings.Repeat("f", 16)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseOffset(s)
		if err == nil && s != "" && s != "-1" && offsetOf(id) != s {
			t.Errorf("%q was read as %s", s, offsetOf(id))
		}
	})
}

// Whatever comes in on a socket, one line of JSON goes out, or nothing.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{`{"text":"hi"}`, `{"kind":"typing","room":"x"}`, `[]`, `{"text":1}`, `{"key":"\n"}`, "{", `null`, `{"reply":"x"}`} {
		f.Add([]byte(s))
	}
	users, err := identity.New(time.Hour, bytes.Repeat([]byte("k"), identity.MinKey))
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(Config{Users: users})
	if err != nil {
		f.Fatal(err)
	}
	k := &socket{server: s, r: httptest.NewRequest("GET", "/stream", nil), rooms: []chat.RoomID{"lobby"}} // a guest: all is refused
	f.Fuzz(func(t *testing.T, frame []byte) {
		out := k.onJSON(frame)
		var p struct{ Kind, Detail string }
		if i := bytes.IndexByte(out, '\n'); i != len(out)-1 || json.Unmarshal(out, &p) != nil || p.Kind != "problem" || p.Detail == "Internal error." {
			t.Errorf("%q was answered %q", frame, out)
		}
	})
}

var textFrame = regexp.MustCompile(`^(data: [^\n\r]*\n)+id: 7-0\n\n$`)

// No text and no name can end a line of a plain stream and begin another.
func FuzzTextFrame(f *testing.F) {
	f.Add("ann", "hi")
	f.Add("ann\nid: 9-9", "a\n\nevent: bye\ndata: x\u2028y")
	f.Fuzz(func(t *testing.T, name, text string) {
		ev, err := chat.Compose(chat.Draft{Room: "lobby", Kind: chat.Message, Text: text}, chat.User{ID: "u", Name: "ann"})
		if name, bad := nickname.Parse(name); err != nil || bad != nil {
			t.Skip()
		} else {
			ev.By.Name, ev.ID = name, chat.ID{MS: 7}
		}
		p := trackCursor([]chat.RoomID{"lobby"}, "0-0")
		out := p.appendText(nil, hub.Item{Kind: ev.Kind, Room: ev.Room, ID: ev.ID, JSON: chat.JSON(ev)})
		if !textFrame.Match(out) {
			t.Errorf("%q by %q became %q", text, name, out)
		}
	})
}
