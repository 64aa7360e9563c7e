package nickname_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"confab/shared/chat"
	"confab/shared/nickname"

	"github.com/rivo/uniseg"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"ann", "ann"},
		{"  Ann   Lee ", "Ann Lee"},
		{"Ann", "Ann"},
		{"O'Neil-2_x", "O'Neil-2_x"},
		{"ｗｉｄｅ", "wide"},
		{"Nguyễn", "Nguyễn"},
		{"e\u0301", "é"},
		{"王小明", "王小明"},
		{"さくらザ漢字", "さくらザ漢字"},
		{"김철수", "김철수"},
		{"Иван", "Иван"},
		{"🦊 fox", "🦊 fox"},
		{"علی\u200cرضا", "علی\u200cرضا"},
		{"<b>", "<b>"},
		{"田中ken", "田中ken"},
		{"Kim 민수", "Kim 민수"},
		{"roots", "roots"},
		{"serverless", "serverless"},
		{strings.Repeat("é", chat.MaxName), strings.Repeat("é", chat.MaxName)},
	} {
		if got, err := nickname.Parse(tt.in); got != tt.want || err != nil {
			t.Errorf("Parse(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	for in, says := range map[string]string{
		"": "say a name", " \t": "say a name", "\u3000": "say a name",
		strings.Repeat("é", chat.MaxName+1): "at most 32", strings.Repeat("a", 1<<20): "at most 32",
		"a\xff": "UTF-8", "a\u202eb": "cannot be seen", "a\u200bb": "cannot be seen", "a\u2066b": "cannot be seen", "a\u200cb": "cannot be seen", "رضا\u200c": "cannot be seen", "a\nb": "cannot be seen",
		"a\x00b": "cannot be seen", "\u2800": "cannot be seen", "a\u0300\u0301\u0302\u0303\u0304": "stacks", "аnn": "scripts", "αnn": "scripts",
		"王Иван": "scripts", "admin": "reserved", "ADMIN": "reserved", " System ": "reserved", "ｒｏｏｔ": "reserved",
		"admın": "reserved", "system:": "reserved", "[server]": "reserved", "a d m i n": "reserved", "Àdmin": "reserved", "adm1n": "reserved",
		"r\u0323oo\u0307t": "reserved", "5ystem": "reserved", "mod\u0435rator": "scripts", "\u115f": "cannot be seen",
	} {
		if got, err := nickname.Parse(in); got != "" || !errors.Is(err, chat.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("Parse(%.40q) = %q, %v; want one that says %q", in, got, err, says)
		}
	}
}

func TestNamesThatReadAlikeAreOne(t *testing.T) {
	key := func(s string) string {
		name, err := nickname.Parse(s)
		if err != nil {
			t.Error(err)
		}
		return chat.NameKey(name)
	}
	for _, same := range [][]string{
		{"ann", "Ann", "ANN", " ann ", "ａｎｎ"},
		{"Ann Lee", "ann  lee"},
		{"é", "e\u0301", "É"},
	} {
		for _, name := range same[1:] {
			if a, b := key(same[0]), key(name); a != b {
				t.Errorf("%q is %q, %q is %q", same[0], a, name, b)
			}
		}
	}
	if key("ann") == key("anna") {
		t.Error("ann is not anna")
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"ann", " Ünal ", "王小明", "a\u202eb", "ﷺ", "ſ", "ǆ", "a\u0300\u0301\u0302\u0303", "👨‍👩‍👧", "علی\u200cرضا", "ⅷ", "…", "\u0345α", "¨", "ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := nickname.Parse(s)
		if err != nil {
			if name != "" || !errors.Is(err, chat.ErrInvalid) {
				t.Fatalf("Parse(%q) = %q, %v", s, name, err)
			}
			return
		}
		if again, err := nickname.Parse(name); again != name || err != nil {
			t.Errorf("%+q is the name %+q, which again is %+q, %v", s, name, again, err)
		}
		if !utf8.ValidString(name) || uniseg.GraphemeClusterCount(name) > chat.MaxName || strings.TrimSpace(name) != name ||
			strings.ContainsFunc(name, func(r rune) bool {
				return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) && !unicode.Is(unicode.Join_Control, r)
			}) {
			t.Errorf("%+q is let through as %+q", s, name)
		}
		if key := chat.NameKey(name); chat.NameKey(key) != key {
			t.Errorf("the key %+q of %+q has another key, %+q", key, name, chat.NameKey(key))
		}
	})
}
