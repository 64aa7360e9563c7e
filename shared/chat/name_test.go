package chat_test

import (
	"testing"
	"unicode"

	"confab/shared/chat"

	"golang.org/x/text/secure/precis"
)

// The key of each name is the one that PRECIS has for it: of every character
// alone, and of each letter that has a small form with each mark that some
// small letter alone is composed with.
func TestNameKeyIsOfPRECIS(t *testing.T) {
	names, marked := 0, []string{"\u0301", "\u0304", "\u0307", "\u0308", "\u030a", "\u030c", "\u0331", "\u0342", "\u0345", "\u0323\u0301"}
	check := func(s string) {
		name, err := precis.Nickname.String(s)
		if err != nil {
			return
		}
		names++
		want, err := precis.Nickname.CompareKey(name)
		if got := chat.NameKey(name); got != want || err != nil || chat.NameKey(got) != got {
			t.Errorf("the key of %+q is %+q, of PRECIS %+q, %v", name, got, want, err)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r == 0x40000 { // none from here to plane 14
			r = 0xe0000
		}
		check(string(r))
		if unicode.ToLower(r) != r {
			for _, mark := range marked {
				check("Σ" + string(r) + mark)
			}
		}
	}
	if names < 100_000 {
		t.Errorf("PRECIS knows %d names", names)
	}
}
