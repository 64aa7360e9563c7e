package markup

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spaceless are scripts that are written without spaces between words, or whose
// particles follow a name directly: there a name ends where it ends.
var spaceless = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
	{R16: []unicode.Range16{{0x3005, 0x3005, 1}, {0x30FC, 0x30FC, 1}}},
}

// names are those that a text may call, in small letters: the longest first.
type names []string

func newNames(all []string) names {
	var n names
	for _, name := range all {
		if name != "" {
			n = append(n, strings.ToLower(name))
		}
	}
	slices.SortFunc(n, func(a, b string) int { return utf8.RuneCountInString(b) - utf8.RuneCountInString(a) })
	return slices.Compact(n)
}

// at is the length of the name that is called by the "@" at this place; 0: none
// is.
func (n names) at(text string, at int) int {
	if before := runeBefore(text, at); isLetter(before) && !unicode.In(before, spaceless...) {
		return 0 // in the middle of an address
	}
	for _, name := range n {
		if size := prefix(text[at+1:], name); size > 0 && endsAt(text, at+1+size) {
			return size
		}
	}
	return 0
}

// prefix is the length of a name that a text begins with, in letters of any
// size.
func prefix(text, name string) int {
	size := 0
	for range utf8.RuneCountInString(name) {
		_, n := utf8.DecodeRuneInString(text[size:])
		size += n
	}
	if strings.ToLower(text[:size]) != name {
		return 0
	}
	return size
}

func endsAt(text string, end int) bool {
	after := runeAt(text, end)
	return !isLetter(after) || unicode.In(after, spaceless...) || unicode.In(runeBefore(text, end), spaceless...)
}

func isLetter(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.M, unicode.N) }
