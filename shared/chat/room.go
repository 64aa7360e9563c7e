package chat

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A RoomID names a room: letters, digits and marks of any script, and ". _ -",
// at most [MaxRoomID] characters, beginning with a letter or digit. There is one
// form of each name: small letters, composed (NFC), and none that is only
// another look of a letter (NFKC). It is safe in a Redis key and an SSE field,
// and in an address once it is percent-encoded.
type RoomID string

// Lobby is the room that is meant when none is named.
const Lobby RoomID = "lobby"

// RoomPattern is the regular expression of a room's name. What it lets through
// may still have another form, or mix scripts.
const RoomPattern = `^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}._-]{0,62}$`

var roomPattern = regexp.MustCompile(RoomPattern)

// ParseRoom reads a room's name, composed or not. Its error is an [ErrInvalid]
// that a user may read.
func ParseRoom(s string) (RoomID, error) {
	if len(s) > 2*utf8.UTFMax*MaxRoomID { // before the tables are asked
		return "", notARoom("is too long")
	}
	name := norm.NFC.String(s)
	switch {
	case !roomPattern.MatchString(name) || strings.ContainsFunc(name, isUnseen):
		return "", notARoom("holds something else")
	case strings.ToLower(name) != name:
		return "", notARoom("holds capitals")
	case len(name) == utf8.RuneCountInString(name):
		return RoomID(name), nil // ASCII has one form of each letter, and one script
	case !norm.NFKC.IsNormalString(name):
		return "", notARoom("holds a special form of a letter or digit")
	case Marks(name) > MaxMarks:
		return "", notARoom("stacks too many marks on a letter")
	case MixesScripts(name):
		return "", notARoom("mixes letters of several scripts")
	}
	return RoomID(name), nil
}

func notARoom(why string) error {
	return fmt.Errorf("%w: a room's name is 1 to %d small letters, digits and . _ - of one script, and begins with a letter or digit; this one %s", ErrInvalid, MaxRoomID, why)
}

// isUnseen reports whether r is a letter or mark that leaves no ink.
func isUnseen(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Me, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
