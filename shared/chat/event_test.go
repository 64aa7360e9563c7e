package chat_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"confab/shared/chat"
)

// The wire form is what every client was written against.
func TestWireForm(t *testing.T) {
	ev := chat.Event{Room: "ops", ID: chat.ID{MS: 2}, Prev: chat.ID{MS: 1}, Kind: chat.Message, By: ann, Text: "a < b & \u2028", Key: "k", KeyHash: "h"}
	for _, tt := range []struct {
		v    any
		want string
	}{
		{ev, `{"room":"ops","id":"2-0","prev":"1-0","kind":"message","by":{"id":"u_ann","name":"ann"},"text":"a < b & \u2028","keyHash":"h"}`},
		{chat.Event{Room: "ops", ID: target, Kind: chat.Reaction, By: ann, Target: ev.ID, Emoji: "👍", Off: true},
			`{"room":"ops","id":"7-0","prev":"0-0","kind":"reaction","by":{"id":"u_ann","name":"ann"},"target":"2-0","emoji":"👍","off":true}`},
		{chat.Signal{Room: "ops", Kind: chat.Typing, By: &ann}, `{"room":"ops","kind":"typing","by":{"id":"u_ann","name":"ann"}}`},
		{chat.Signal{Kind: chat.Ping, Now: 5}, `{"kind":"ping","now":5}`},
		{chat.Signal{Kind: chat.Bye, Retry: 250}, `{"kind":"bye","retry":250}`},
		{chat.Signal{Kind: chat.Reset, Cursor: "1-0,2-0"}, `{"kind":"reset","cursor":"1-0,2-0"}`},
	} {
		if got := string(chat.JSON(tt.v)); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

// What ends a line in SSE, NDJSON, JavaScript or a terminal never does.
func FuzzJSONIsOneLine(f *testing.F) {
	for _, s := range []string{"hi", "a\r\nb", "a\u2028\u2029\u0085b", "\x00\x1b", "\xff\xfe", "</script>", "data: x\n\n", `"\`, "\x7f"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		ev := chat.Event{Room: "ops", ID: target, Kind: chat.Message, By: chat.User{ID: "u", Name: name}, Text: text, KeyHash: text}
		b := chat.JSON(ev)
		if i := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r == '\u2028' || r == '\u2029' }); i >= 0 {
			t.Errorf("%+q is encoded as %q, which breaks at %d", text, b, i)
		}
		var back chat.Event
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		ev.Text, ev.KeyHash, ev.By.Name = strings.ToValidUTF8(text, "\ufffd"), strings.ToValidUTF8(text, "\ufffd"), strings.ToValidUTF8(name, "\ufffd")
		if validAlready := ev.Text == text && ev.By.Name == name; validAlready && back != ev {
			t.Errorf("%+v came back as %+v", ev, back)
		}
	})
}
