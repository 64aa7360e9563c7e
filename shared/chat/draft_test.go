package chat_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"confab/shared/chat"
)

var (
	ann    = chat.User{ID: "u_ann", Name: "ann"}
	target = chat.ID{MS: 7}
)

func TestComposeText(t *testing.T) {
	for _, tt := range []struct{ in, want, says string }{
		{"hi", "hi", ""},
		{"a\r\nb\rc\nd", "a\nb\nc\nd", ""},
		{"  keep the start, not the end \t\r\n\u00a0\u2003", "  keep the start, not the end", ""},
		{"a\tb", "a\tb", ""},
		{"a\u2028b", "a\u2028b", ""},
		{"</script>", "</script>", ""},
		{strings.Repeat("é", chat.MaxText), strings.Repeat("é", chat.MaxText), ""},
		{strings.Repeat("é", chat.MaxText) + " \n", strings.Repeat("é", chat.MaxText), ""},
		{strings.Repeat("é", chat.MaxText+1), "", "4001 characters, the limit is 4000"},
		{"", "", "empty"},
		{strings.Repeat("\n", 500) + " \u2028\t\n  code\n\n\nmore", "  code\n\n\nmore", ""},
		{"\u3164\n\u115f\na", "a", ""},
		{"\u115f\u1160\uffa0\u17b4\u17b5\u034f", "", "empty"},
		{"\u0301", "", "empty"},
		{"a" + strings.Repeat("\u0301", chat.MaxMarks), "a" + strings.Repeat("\u0301", chat.MaxMarks), ""},
		{"a" + strings.Repeat("\u0301", chat.MaxMarks+1), "", "marks"},
		{"a" + strings.Repeat("\u0301\u200c", chat.MaxMarks+1), "", "marks"},
		{"a" + strings.Repeat("\u20dd\u034f", chat.MaxMarks), "", "marks"},
		{strings.Repeat("Ệ\u0323\u0302", 100) + "בְּרֵאשִׁ֖ית བསྒྲུབས नमस्ते ที่นี่", strings.Repeat("Ệ\u0323\u0302", 100) + "בְּרֵאשִׁ֖ית བསྒྲུབས नमस्ते ที่นี่", ""},
		{" \t\r\n", "", "empty"},
		{"\u200b\u200d\ufeff\u2060", "", "empty"},
		{"\u3164\u2800\u00a0", "", "empty"},
		{"\u202e", "", "empty"},
		{"a\x00", "", "U+0000"},
		{"a\x1b[31m", "", "U+001B"},
		{"a\x7f", "", "U+007F"},
		{"a\u0085b", "", "U+0085"},
		{"a\vb", "", "U+000B"},
		{"a\xff", "", "UTF-8"},
		{"\xed\xa0\x80", "", "UTF-8"},
	} {
		for _, kind := range []chat.Kind{chat.Message, chat.Edit} {
			d := chat.Draft{Room: "ops", Kind: kind, Text: tt.in}
			if kind == chat.Edit {
				d.Target = target
			}
			ev, err := chat.Compose(d, ann)
			if tt.says == "" && (err != nil || ev.Text != tt.want) {
				t.Errorf("%s %.40q: %.40q, %v", kind, tt.in, ev.Text, err)
			}
			if tt.says != "" && (!errors.Is(err, chat.ErrInvalid) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%s %.40q: %v does not say %q", kind, tt.in, err, tt.says)
			}
		}
	}
}

func TestComposeKeepsWhatBelongsToTheKindAlone(t *testing.T) {
	all := chat.Draft{Room: "ops", Text: "t", Reply: chat.ID{MS: 3}, Emoji: "👍", Off: true, Key: "k"}
	for kind, want := range map[chat.Kind]chat.Event{
		chat.Message:  {Text: "t", Reply: chat.ID{MS: 3}},
		chat.Edit:     {Text: "t", Target: target},
		chat.Delete:   {Target: target},
		chat.Reaction: {Target: target, Emoji: "👍", Off: true},
		chat.Title:    {Text: "t"},
	} {
		d := all
		d.Kind, d.Target = kind, want.Target
		want.Room, want.Kind, want.By, want.Key = "ops", kind, ann, "k"
		want.KeyHash = chat.KeyHash(ann.ID, "k")
		if got, err := chat.Compose(d, ann); got != want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", kind, got, err, want)
		}
	}
}

func TestComposeRefusesWhatIsNoEvent(t *testing.T) {
	for name, d := range map[string]chat.Draft{
		"no kind":               {Text: "a"},
		"a signal":              {Kind: chat.Typing, Text: "a"},
		"edit of nothing":       {Kind: chat.Edit, Text: "a"},
		"delete of nothing":     {Kind: chat.Delete},
		"reaction to nothing":   {Kind: chat.Reaction, Emoji: "👍"},
		"message with a target": {Kind: chat.Message, Text: "a", Target: target},
		"title with a target":   {Kind: chat.Title, Text: "a", Target: target},
		"title of two lines":    {Kind: chat.Title, Text: "a\nb"},
		"title split by U+2028": {Kind: chat.Title, Text: "a\u2028b"},
		"long title":            {Kind: chat.Title, Text: strings.Repeat("a", chat.MaxTitle+1)},
		"title of a filler":     {Kind: chat.Title, Text: "\u3164"},
		"long key":              {Kind: chat.Message, Text: "a", Key: strings.Repeat("k", chat.MaxKey+1)},
		"key with a space":      {Kind: chat.Message, Text: "a", Key: "a b"},
		"key with a line break": {Kind: chat.Message, Text: "a", Key: "a\nb"},
		"key that is not ASCII": {Kind: chat.Message, Text: "a", Key: "é"},
		"key that is not UTF-8": {Kind: chat.Message, Text: "a", Key: "\xff"},
		"key with a control":    {Kind: chat.Message, Text: "a", Key: "\x7f"},
	} {
		if ev, err := chat.Compose(d, ann); !errors.Is(err, chat.ErrInvalid) || ev != (chat.Event{}) {
			t.Errorf("%s: %+v, %v", name, ev, err)
		}
	}
}

func TestTitleIsCleared(t *testing.T) {
	ev, err := chat.Compose(chat.Draft{Room: "ops", Kind: chat.Title, Text: " \n"}, ann)
	if err != nil || ev.Text != "" || ev.Kind != chat.Title {
		t.Errorf("%+v, %v", ev, err)
	}
}

func TestReactionIsOneEmoji(t *testing.T) {
	for emoji, ok := range map[string]bool{
		"👍": true, "👍🏽": true, "❤️": true, "👨‍👩‍👧‍👦": true, "🇫🇷": true, "1️⃣": true, "#️⃣": true, "🏴󠁧󠁢󠁥󠁮󠁧󠁿": true, "✓": true,
		"👩🏽‍❤️‍💋‍👨🏿": true, "👨🏻‍👩🏼‍👧🏽‍👦🏾": true, "*️⃣": true,
		"": false, "a": false, "1": false, "#": false, "lol": false, "é": false, "王": false, "👍👍": false, "👍 ": false, " ": false,
		"<": false, "\u200b": false, "\u202e": false, "\n": false, "\xff": false, "\ufffd": false, "\u2800": false,
		"👍" + strings.Repeat("\u200d👍", 9): false,
	} {
		_, err := chat.Compose(chat.Draft{Kind: chat.Reaction, Target: target, Emoji: emoji}, ann)
		if (err == nil) != ok {
			t.Errorf("%q (%+q): %v, want ok %t", emoji, emoji, err, ok)
		}
	}
}

func FuzzDraft(f *testing.F) {
	f.Add("message", "hi", "", "k", "")
	f.Add("edit", "a\r\nb", "👍", "", "7-0")
	f.Add("reaction", "", "👨‍👩‍👧‍👦", "", "7-0")
	f.Add("room", "a\u2028b", "", "", "")
	f.Fuzz(func(t *testing.T, kind, text, emoji, key, id string) {
		target, err := chat.ParseID(id)
		if err != nil {
			return
		}
		d := chat.Draft{Room: "ops", Kind: chat.Kind(kind), Text: text, Emoji: emoji, Key: key, Target: target}
		ev, err := chat.Compose(d, ann)
		if err != nil {
			if !errors.Is(err, chat.ErrInvalid) {
				t.Fatalf("%+v: %v", d, err)
			}
			return
		}
		if !utf8.ValidString(ev.Text+ev.Emoji+ev.Key) || utf8.RuneCountInString(ev.Text) > chat.MaxText {
			t.Errorf("%+v was let through", ev)
		}
		if strings.ContainsFunc(ev.Text+ev.Emoji+ev.Key, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Errorf("%+q holds a control character", ev.Text)
		}
		d.Text, d.Emoji = ev.Text, ev.Emoji
		if again, err := chat.Compose(d, ann); again != ev || err != nil {
			t.Errorf("%+v composed again is %+v, %v", ev, again, err)
		}
	})
}
