package chat

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A Draft is what somebody sent and nothing has checked against the rules yet.
type Draft struct {
	Room   RoomID
	Kind   Kind
	Text   string
	Target ID
	Reply  ID
	Emoji  string
	Off    bool
	Set    Change
	Member Standing
	Key    string
}

// Compose checks a draft against the row of its kind in [Kinds] and makes it an
// event by the user, without id and prev, which the log gives. No other
// function makes an event, but [NewNotice]. Its errors are [ErrInvalid] and name the limit that
// was exceeded.
func Compose(d Draft, by User) (Event, error) {
	if err := checkKey(d.Key); err != nil {
		return Event{}, err
	}
	rule, ok := d.Kind.Rule()
	if !ok {
		return Event{}, fmt.Errorf("%w: %q is no kind of event", ErrInvalid, d.Kind)
	}
	if rule.ByServer {
		return Event{}, fmt.Errorf("%w: the server alone writes a %s", ErrInvalid, d.Kind)
	}
	if err := rule.checkTarget(d.Target); err != nil {
		return Event{}, err
	}
	ev := Event{Room: d.Room, Kind: d.Kind, By: by, Target: d.Target, Key: d.Key, KeyHash: KeyHash(by.ID, d.Key)}
	if rule.Reply {
		ev.Reply = d.Reply
	}
	if rule.Emoji {
		if err := checkEmoji(d.Emoji); err != nil {
			return Event{}, err
		}
		ev.Emoji, ev.Off = d.Emoji, d.Off
	}
	switch d.Kind {
	case Title:
		if err := d.Set.check(); err != nil {
			return Event{}, err
		}
		ev.Set = d.Set
	case Standings:
		if err := d.Member.check(); err != nil {
			return Event{}, err
		}
		ev.Member = d.Member
	}
	if rule.MaxText > 0 {
		text, err := rule.cleanText(d.Text)
		if err != nil {
			return Event{}, err
		}
		ev.Text = text
	}
	return ev, nil
}

// CleanReason checks the reason of a report, and takes what is blank around it
// away. There need not be any.
func CleanReason(s string) (string, error) {
	rule, _ := Notice.Rule()
	return rule.cleanText(strings.TrimSpace(s))
}

func (rule Rule) checkTarget(target ID) error {
	switch {
	case rule.Target != "" && target.IsZero():
		return fmt.Errorf("%w: the kind %s has to name the %s that it is about", ErrInvalid, rule.Kind, rule.Target)
	case rule.Target == "" && !target.IsZero():
		return fmt.Errorf("%w: the kind %s is not about another event", ErrInvalid, rule.Kind)
	}
	return nil
}

// cleanText turns every line break into LF, drops empty lines at the start and
// blank space at the end, and refuses what no person types: bytes that are not
// UTF-8, control characters (the transcript would send them to a terminal),
// marks stacked over other lines, nothing that can be seen.
func (rule Rule) cleanText(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: the text is not valid UTF-8", ErrInvalid)
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	s = s[emptyLines(s):]
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return "", fmt.Errorf("%w: the text holds the control character %U", ErrInvalid, r)
	}
	switch n := utf8.RuneCountInString(s); {
	case !Visible(s) && !(rule.MayBeEmpty && s == ""):
		return "", fmt.Errorf("%w: the text is empty", ErrInvalid)
	case n > rule.MaxText:
		return "", fmt.Errorf("%w: the text has %d characters, the limit is %d", ErrInvalid, n, rule.MaxText)
	case Marks(s) > MaxMarks:
		return "", fmt.Errorf("%w: the text stacks more than %d marks on one letter", ErrInvalid, MaxMarks)
	case rule.OneLine && strings.ContainsAny(s, lineBreaks):
		return "", fmt.Errorf("%w: a %s is one line", ErrInvalid, cmp.Or(rule.Sets, string(rule.Kind)))
	}
	return s, nil
}

const lineBreaks = "\n\u2028\u2029"

// emptyLines is how many bytes of s are empty lines before its first other one.
// The blank space before that line's text stays: it may be code.
func emptyLines(s string) int {
	text := strings.IndexFunc(s, func(r rune) bool { return isVisible(r) || isControl(r) })
	if text < 0 {
		return 0
	}
	end := strings.LastIndexAny(s[:text], lineBreaks)
	if end < 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(s[end:])
	return end + size
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// Visible reports whether anything in s leaves ink.
func Visible(s string) bool { return strings.ContainsFunc(s, isVisible) }

// isVisible reports whether r leaves ink by itself. Unicode calls fillers and
// the blank Braille pattern letters and symbols; a mark needs a letter under it.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !isMark(r) &&
		!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != '\u2800'
}

// isMark reports whether r is drawn over or around the letter before it.
func isMark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// Marks is the most combining marks that follow one letter in s. What cannot be
// seen does not begin a new letter.
func Marks(s string) int {
	most, n := 0, 0
	for _, r := range s {
		switch {
		case isMark(r) && !unicode.Is(unicode.Variation_Selector, r):
			n++
			most = max(most, n)
		case isVisible(r) || unicode.IsSpace(r):
			n = 0
		}
	}
	return most
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
