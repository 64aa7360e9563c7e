package markup

import (
	"fmt"
	"html"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A frame is something that was begun, and may not end.
type frame struct {
	mark string // "**", "*" or "~~"; "": the text itself
	html strings.Builder
}

var tags = map[string]string{"**": "strong", "*": "em", "~~": "del"}

// frames are what is open, each inside the one before.
type frames []*frame

func (f frames) write(html string) { f[len(f)-1].html.WriteString(html) }

// end takes what did not end as it is written.
func (f *frames) end(keep int) {
	for len(*f) > keep {
		top := (*f)[len(*f)-1]
		*f = (*f)[:len(*f)-1]
		f.write(top.mark + top.html.String())
	}
}

// open is the place of the frame that a mark begun, or 0.
func (f frames) open(mark string) int {
	for i := 1; i < len(f); i++ {
		if f[i].mark == mark {
			return i
		}
	}
	return 0
}

func (f frames) full(open int) bool { return len(f) > open+1 || f[open].html.Len() > 0 }

// inline reads what stands within lines.
func (r *Reader) inline(text string) string {
	open := frames{{}}
	noCode := 0 // up to here no code begins
	for at := 0; at < len(text); {
		c := text[at]
		piece, next := "", at
		switch {
		case c == '\n':
			open.end(1)
		case c == '`' && at >= noCode:
			piece, next, noCode = codeAt(text, at)
		case c == '*' || c == '~':
			next = at + open.emphasis(text, at)
		case c == '@':
			piece, next = r.mention(text, at)
		case beginsWord(text, at):
			piece, next = link(text, at)
		}
		if next == at { // nothing but a character
			_, size := utf8.DecodeRuneInString(text[at:])
			next = at + size
			piece = html.EscapeString(text[at:next])
		}
		open.write(piece)
		at = next
	}
	open.end(1)
	return open[0].html.String()
}

// codeAt reads the code that begins here; else next is at, and no code begins
// before none.
func codeAt(text string, at int) (piece string, next, none int) {
	end := strings.IndexByte(text[at+1:], '`')
	if end < 0 {
		return "", at, math.MaxInt
	}
	if end == 0 {
		return "", at, at + 2
	}
	code := text[at+1 : at+1+end]
	if line := strings.IndexByte(code, '\n'); line >= 0 {
		return "", at, at + 1 + line
	}
	return "<code>" + html.EscapeString(code) + "</code>", at + end + 2, 0
}

func (r *Reader) mention(text string, at int) (piece string, next int) {
	n := r.names.at(text, at)
	if n == 0 {
		return "", at
	}
	class, next := "mention", at+1+n
	if strings.EqualFold(text[at+1:next], r.me) {
		class = "mention mention--me"
	}
	return fmt.Sprintf(`<bdi class="%s">%s</bdi>`, class, html.EscapeString(text[at:next])), next
}

// emphasis ends or begins what is bold, italic or struck out, and returns the
// length of the mark; 0: it is none.
func (f *frames) emphasis(text string, at int) int {
	mark := text[at : at+1]
	if strings.HasPrefix(text[at+1:], mark) {
		mark = text[at : at+2]
	}
	if mark == "~" {
		return 0
	}
	before, after := runeBefore(text, at), runeAt(text, at+len(mark))
	open, single := f.open(mark), mark == "*"
	switch {
	case open > 0 && !isSpace(before) && f.full(open) && !(single && (isWord(after) || before == '*')):
		f.end(open + 1)
		top := (*f)[open]
		*f = (*f)[:open]
		f.write("<" + tags[mark] + ">" + top.html.String() + "</" + tags[mark] + ">")
	case open > 0 || isSpace(after) || single && (isWord(before) || after == '*'):
		return 0
	default:
		*f = append(*f, &frame{mark: mark})
	}
	return len(mark)
}

// runeBefore is the character before a place: a blank where there is none.
func runeBefore(text string, at int) rune {
	if at == 0 {
		return ' '
	}
	r, _ := utf8.DecodeLastRuneInString(text[:at])
	return r
}

// runeAt is the character at a place: a blank where there is none.
func runeAt(text string, at int) rune {
	if at >= len(text) {
		return ' '
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return r
}

func isWord(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.N) }
