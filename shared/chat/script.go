package chat

import "unicode"

// Scripts that are written together in one language.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Hangul"},
	{"Latin", "Han", "Bopomofo"},
}

// MixesScripts reports whether the letters of s are of scripts that no language
// writes together (UTS 39, 5.2, highly restrictive): an а of Cyrillic among
// Latin letters looks like theirs.
func MixesScripts(s string) bool {
	seen := map[string]bool{}
	for _, r := range s {
		if sc := script(r); sc != "Common" && sc != "Inherited" {
			seen[sc] = true
		}
	}
	if len(seen) < 2 {
		return false
	}
	for _, set := range together {
		n := 0
		for _, sc := range set {
			if seen[sc] {
				n++
			}
		}
		if n == len(seen) {
			return false
		}
	}
	return true
}

func script(r rune) string {
	if r < unicode.MaxASCII {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return "Common"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "Common"
}
