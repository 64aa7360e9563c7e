package chat

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// NameKey is the form in which two names are compared: equal keys, equal names.
// Of what nickname.Parse lets through it is the comparison of RFC 8266 §2.4:
// small letters, and composed again.
func NameKey(name string) string {
	name = strings.ReplaceAll(name, "\u0130", "i\u0307") // İ, whose dot Go drops (Unicode's SpecialCasing.txt keeps it)
	return norm.NFKC.String(strings.ToLower(name))
}
