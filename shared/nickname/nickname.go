// Package nickname checks the name that somebody wants to be known by.
//
// A program that only shows or compares names should not import this package.
// It brings the tables of PRECIS along, a third of a megabyte, which every cold
// start of a function would have to load.
package nickname

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"confab/shared/chat"

	"github.com/rivo/uniseg"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks may follow one letter: enough for
// Vietnamese and pointed Hebrew, too few to paint over the next line.
const maxMarks = 3

// Names that claim to speak for the operator are reserved, however they are
// spelled.
var reserved = map[string]bool{"admin": true, "administrator": true, "confab": true, "moderator": true, "root": true, "server": true, "system": true}

// Parse reads a name by the Nickname profile of PRECIS (RFC 8266): blank
// space trimmed and folded, compatibility forms composed, no control, bidi or
// zero-width characters, but for joiners where letters join. Beyond the RFC it
// takes at most [chat.MaxName] graphemes, letters of one script, and no name
// that claims to speak for the operator. Its errors are [chat.ErrInvalid] and for the user
// to read.
func Parse(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: the name is not valid UTF-8", chat.ErrInvalid)
	}
	if len(s) > 16*chat.MaxName { // before the tables are asked
		return "", tooLong()
	}
	name, err := precis.Nickname.String(s)
	switch {
	case strings.TrimSpace(s) == "":
		return "", fmt.Errorf("%w: say a name", chat.ErrInvalid)
	case err != nil || strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("%w: the name holds a character that cannot be seen or may mislead", chat.ErrInvalid)
	case uniseg.GraphemeClusterCount(name) > chat.MaxName:
		return "", tooLong()
	case !chat.Visible(name):
		return "", fmt.Errorf("%w: the name cannot be seen", chat.ErrInvalid)
	case chat.Marks(name) > maxMarks:
		return "", fmt.Errorf("%w: the name stacks too many marks on a letter", chat.ErrInvalid)
	case chat.MixesScripts(name):
		return "", fmt.Errorf("%w: the name mixes letters of several scripts", chat.ErrInvalid)
	case reserved[skeleton(name)]:
		return "", fmt.Errorf("%w: that name is reserved", chat.ErrInvalid)
	}
	return name, nil
}

func tooLong() error {
	return fmt.Errorf("%w: a name has at most %d characters", chat.ErrInvalid, chat.MaxName)
}

// lookalikes are letters, digits and signs that are read as another letter.
// They are those of UTS 39 that matter in the reserved names.
var lookalikes = strings.NewReplacer(
	"ı", "i", "ɪ", "i", "ɩ", "i", "1", "i", "!", "i", "|", "i", "ɑ", "a", "ᴀ", "a", "@", "a", "4", "a", "ƒ", "f", "ꜰ", "f",
	"ø", "o", "ᴏ", "o", "0", "o", "đ", "d", "ɗ", "d", "ᴅ", "d", "ꜱ", "s", "ƨ", "s", "$", "s", "5", "s", "ʏ", "y", "ƴ", "y",
	"ɴ", "n", "ŋ", "n", "ɲ", "n", "ᴍ", "m", "ɱ", "m", "ᴛ", "t", "ŧ", "t", "7", "t", "ᴇ", "e", "ɘ", "e", "ə", "e", "3", "e",
	"ʀ", "r", "ɾ", "r", "ᴠ", "v", "ʋ", "v", "ʙ", "b", "ƀ", "b", "ɓ", "b", "8", "b", "ᴄ", "c", "ƈ", "c",
)

// skeleton is what a reader takes a name for: without marks, signs and blank
// space, and with each lookalike as the letter that it looks like.
func skeleton(name string) string {
	base := strings.ToLower(norm.NFKD.String(chat.NameKey(name)))
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, lookalikes.Replace(base))
}
