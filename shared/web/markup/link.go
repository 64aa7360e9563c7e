package markup

import (
	"fmt"
	"html"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	alnum      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	wordChars  = alnum + "_"
	mailChars  = wordChars + ".+-"
	labelChars = alnum + "-"
	maxLabel   = 63 // of a host, see RFC 1035
	maxLabels  = 8  // after the first
	maxMailbox = 64 // RFC 5321, 4.5.3.1.1
)

// ends are the characters, beside blanks, at which an address ends: what quotes
// it, and the punctuation of Chinese and Japanese.
var ends = &unicode.RangeTable{R16: []unicode.Range16{
	{'"', '"', 1}, {'<', '<', 1}, {'>', '>', 1}, {'`', '`', 1},
	{0x2018, 0x2019, 1}, {0x201C, 0x201D, 1}, {0x3000, 0x3002, 1}, {0x3008, 0x3011, 1}, {0x3014, 0x301B, 1},
	{0xFF01, 0xFF01, 1}, {0xFF08, 0xFF09, 1}, {0xFF0C, 0xFF0C, 1}, {0xFF1A, 0xFF1B, 1}, {0xFF1F, 0xFF1F, 1},
}, LatinOffset: 4}

// beginsWord reports whether an address may begin here.
func beginsWord(text string, at int) bool {
	return strings.IndexByte(alnum, text[at]) >= 0 && (at == 0 || strings.IndexByte(mailChars, text[at-1]) < 0)
}

// link reads the address that begins here, without the sentence's own
// punctuation. Next is at where there is none.
func link(text string, at int) (piece string, next int) {
	address, scheme := web(text[at:])
	if address == "" {
		address, scheme = mail(text[at:]), "mailto:"
	}
	address = trimmed(address)
	if address == "" || scheme != "mailto:" && !isURL(scheme+address) {
		return "", at
	}
	return fmt.Sprintf(`<a href="%s" target="_blank" rel="noopener noreferrer nofollow">%s</a>`,
		html.EscapeString(scheme+address), html.EscapeString(address)), at + len(address)
}

// web is the address of a page, and the scheme that it goes without.
func web(text string) (address, scheme string) {
	head := 0
	for _, begin := range []string{"http://", "https://", "www."} {
		if len(text) >= len(begin) && strings.EqualFold(text[:len(begin)], begin) {
			head = len(begin)
		}
	}
	if head == len("www.") {
		n := run(text[head:], labelChars, maxLabel)
		if n == 0 || !strings.HasPrefix(text[head+n:], ".") {
			return "", ""
		}
		head, scheme = head+n+1, "https://"
	}
	if head == 0 {
		return "", ""
	}
	tail := strings.IndexFunc(text[head:], func(r rune) bool { return isSpace(r) || unicode.Is(ends, r) })
	if tail < 0 {
		tail = len(text) - head
	}
	if tail == 0 {
		return "", ""
	}
	return text[:head+tail], scheme
}

// mail is an address of mail.
func mail(text string) string {
	at := run(text, mailChars, maxMailbox)
	if at == 0 || !strings.HasPrefix(text[at:], "@") {
		return ""
	}
	first := run(text[at+1:], labelChars, maxLabel)
	if first == 0 {
		return ""
	}
	end, more := at+1+first, 0
	for ; more < maxLabels && strings.HasPrefix(text[end:], "."); more++ {
		n := run(text[end+1:], labelChars, maxLabel)
		if n == 0 {
			break
		}
		end += 1 + n
	}
	if more == 0 {
		return ""
	}
	return text[:end]
}

// run is how many of the first bytes are of a set, at most so many.
func run(text, set string, most int) int {
	n := 0
	for n < len(text) && n < most && strings.IndexByte(set, text[n]) >= 0 {
		n++
	}
	return n
}

// trimmed is an address without what its sentence ends with. A bracket that
// was opened in it belongs to it.
func trimmed(address string) string {
	open := strings.Count(address, "(") - strings.Count(address, ")")
	for address != "" {
		r, size := utf8.DecodeLastRuneInString(address)
		if r == ')' && open < 0 {
			open++
		} else if !strings.ContainsRune(".,;:!?…'*~", r) {
			break
		}
		address = address[:len(address)-size]
	}
	return address
}

// isURL reports whether a link may lead there: no name and password stand before
// the host, which would hide it.
func isURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Host == "" {
		return false
	}
	if port := u.Port(); len(port) > 5 || strings.HasSuffix(u.Host, ":") {
		return false
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		return strings.Trim(host, "0123456789abcdefABCDEF:.") == ""
	}
	if last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]; strings.Trim(last, "0123456789.") == "" {
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Is4()
	}
	first, _ := utf8.DecodeRuneInString(host)
	return unicode.In(first, unicode.L, unicode.N) && !strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != '.' && r != '-'
	})
}
