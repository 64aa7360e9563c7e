package chat

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A Draft is what somebody sent and nobody has read against the rules yet.
type Draft struct {
	Room   RoomID
	Kind   Kind
	Text   string
	Target ID
	Reply  ID
	Emoji  string
	Off    bool
	Key    string
}

// Compose reads a draft against the rules and makes it an event by the user,
// without id and prev, which the log gives. No other function makes an event.
// Its errors are [ErrInvalid] and name the limit that was passed.
func Compose(d Draft, by User) (Event, error) {
	ev := Event{Room: d.Room, Kind: d.Kind, By: by, Target: d.Target, Key: d.Key}
	err := checkKey(d.Key)
	if err != nil {
		return Event{}, err
	}
	if pointed := d.Kind == Edit || d.Kind == Delete || d.Kind == Reaction; pointed == d.Target.IsZero() {
		return Event{}, fmt.Errorf("%w: an edit, a delete and a reaction say which message, and nothing else does", ErrInvalid)
	}
	switch d.Kind {
	case Message:
		ev.Reply = d.Reply
		ev.Text, err = cleanText(d.Text, MaxText)
	case Edit:
		ev.Text, err = cleanText(d.Text, MaxText)
	case Title:
		ev.Text, err = cleanText(d.Text, MaxTitle)
		if strings.ContainsAny(ev.Text, "\n\u2028\u2029") {
			err = fmt.Errorf("%w: a title is one line", ErrInvalid)
		}
	case Reaction:
		ev.Emoji, ev.Off = d.Emoji, d.Off
		err = checkEmoji(d.Emoji)
	case Delete:
	default:
		err = fmt.Errorf("%w: %q is no kind of event", ErrInvalid, d.Kind)
	}
	if err != nil {
		return Event{}, err
	}
	return ev, nil
}

// cleanText turns every line break into LF, drops blank space at the end, and
// refuses what no person types: bytes that are not UTF-8, control characters
// (they would reach a terminal by the transcript), nothing to see.
func cleanText(s string, limit int) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: the text is not valid UTF-8", ErrInvalid)
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return "", fmt.Errorf("%w: the text holds the control character %U", ErrInvalid, r)
	}
	if !Visible(s) {
		return "", fmt.Errorf("%w: the text is empty", ErrInvalid)
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return "", fmt.Errorf("%w: the text has %d characters, the limit is %d", ErrInvalid, n, limit)
	}
	return s, nil
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// Visible reports whether anything in s leaves ink.
func Visible(s string) bool { return strings.ContainsFunc(s, isVisible) }

// isVisible reports whether r leaves ink: the last two are letters and symbols
// by category, but blank.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '\u3164' && r != '\u2800'
}

func checkKey(key string) error {
	if len(key) > MaxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: an idempotency key is at most %d printable ASCII characters", ErrInvalid, MaxKey)
	}
	return nil
}

// checkEmoji takes one grapheme that is a symbol, not a letter: the keycaps
// alone begin with an ASCII character.
func checkEmoji(s string) error {
	bad := func(r rune) bool {
		return r == utf8.RuneError || unicode.IsLetter(r) || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	ascii := s != "" && s[0] < 0x80 && !strings.HasSuffix(s, "\u20e3")
	if len(s) > MaxEmoji || uniseg.GraphemeClusterCount(s) != 1 || strings.ContainsFunc(s, bad) || ascii || !Visible(s) {
		return fmt.Errorf("%w: a reaction is one emoji", ErrInvalid)
	}
	return nil
}
