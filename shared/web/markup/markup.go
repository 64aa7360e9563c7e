// Package markup writes what a line holds besides words as HTML: bold, italic,
// struck out, code, quotes, lists, links and mentions. It reads a line as the
// page's script does, in public/js/room/markup.js: a test gives both the same
// texts. Each character is looked at a fixed number of times, but for those of an
// address that leads nowhere, in which others may begin.
package markup

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

const fence = "```"

// A Reader reads the texts of a room, in which its user and others may be called
// by their names.
type Reader struct {
	me    string
	names names
}

// NewReader makes the reader of a user, who has no name as a guest.
func NewReader(me string, others []string) *Reader {
	return &Reader{me: me, names: newNames(append([]string{me}, others...))}
}

// HTML is the markup of a text. What was typed is never markup itself.
func (r *Reader) HTML(text string) string { return r.blocks(text) }

// blocks are fenced code, and the lines between.
func (r *Reader) blocks(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, fence)
		end := -1
		if ok && rest != "" {
			_, size := utf8.DecodeRuneInString(rest) // a fence that is empty is none
			if end = strings.Index(rest[size:], fence); end >= 0 {
				end += size
			}
		}
		if end < 0 {
			b.WriteString(r.lines(text))
			return b.String()
		}
		b.WriteString(r.lines(strings.TrimSuffix(before, "\n")))
		fmt.Fprintf(&b, "<pre><code>%s</code></pre>", html.EscapeString(codeOf(rest[:end])))
		text = strings.TrimPrefix(rest[end+len(fence):], "\n")
	}
}

// codeOf is what stands in a fence, without the name of a language.
func codeOf(text string) string {
	text = strings.TrimSuffix(text, "\n")
	language, code, ok := strings.Cut(text, "\n")
	if ok && code != "" && strings.Trim(language, wordChars+"+-") == "" {
		return code
	}
	return text
}

// A group is lines of one kind that follow one another: "quote", "list", or "".
type group struct {
	kind  string
	start int // of a list that is numbered, else 0
	lines []string
}

// lines are quotes and lists, and the lines between them.
func (r *Reader) lines(text string) string {
	if text == "" {
		return ""
	}
	var groups []group
	for line := range strings.SplitSeq(text, "\n") {
		g := groupOf(line)
		last := len(groups) - 1
		if last >= 0 && groups[last].kind == g.kind && (groups[last].start > 0) == (g.start > 0) {
			groups[last].lines = append(groups[last].lines, g.lines...)
		} else {
			groups = append(groups, g)
		}
	}
	var b strings.Builder
	for _, g := range groups {
		b.WriteString(r.group(g))
	}
	return b.String()
}

// groupOf is the group that a line alone is, without the line's mark.
func groupOf(line string) group {
	if said, ok := strings.CutPrefix(line, ">"); ok {
		r, size := utf8.DecodeRuneInString(said)
		if isSpace(r) {
			said = said[size:]
		}
		return group{kind: "quote", lines: []string{said}}
	}
	if start, item, ok := itemOf(line); ok {
		return group{kind: "list", start: start, lines: []string{item}}
	}
	return group{lines: []string{line}}
}

// itemOf reads "- item" and "1. item", up to three blanks further right.
func itemOf(line string) (start int, item string, ok bool) {
	rest := strings.TrimLeftFunc(line, isSpace)
	if utf8.RuneCountInString(line[:len(line)-len(rest)]) > 3 {
		return 0, "", false
	}
	digits := 0
	for digits < len(rest) && digits < 3 && isDigit(rest[digits]) {
		start = start*10 + int(rest[digits]-'0')
		digits++
	}
	r, size := utf8.DecodeRuneInString(rest[digits:])
	if marks := "-*•"; digits > 0 && r != '.' && r != ')' || digits == 0 && !strings.ContainsRune(marks, r) {
		return 0, "", false
	}
	rest = rest[digits+size:]
	item = strings.TrimLeftFunc(rest, isSpace)
	return start, item, item != "" && item != rest
}

func (r *Reader) group(g group) string {
	switch g.kind {
	case "quote":
		return "<blockquote>" + r.inline(strings.Join(g.lines, "\n")) + "</blockquote>"
	case "list":
		tag, begin := "ul", "<ul>"
		if g.start > 0 {
			tag, begin = "ol", "<ol>"
		}
		if g.start > 1 {
			begin = fmt.Sprintf(`<ol start="%d">`, g.start)
		}
		for _, item := range g.lines {
			begin += "<li>" + r.inline(item) + "</li>"
		}
		return begin + "</" + tag + ">"
	}
	return r.inline(strings.Join(g.lines, "\n"))
}

func isSpace(r rune) bool { return r != '\u0085' && (unicode.IsSpace(r) || r == '\ufeff') }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
