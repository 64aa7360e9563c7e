package web

import (
	"net/http"
	"strconv"
	"strings"
)

// The forms in which a room is read.
const (
	typeText    = "text/plain"
	typeHTML    = "text/html"
	typeProblem = "application/problem+json"
	typeJSON    = "application/json"
	typeNDJSON  = "application/x-ndjson"
	typeSSE     = "text/event-stream"
)

// accepts picks the media type that a request likes best by its Accept header
// (RFC 9110, 12.5.1), or "" if it likes none. Of those that it likes as much,
// one that it named wins over one that it only covered by a wildcard, then
// the one that it named first, then the one offered first.
func accepts(r *http.Request, offers ...string) string {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if header == "" {
		return offers[0]
	}
	ranges := parseAccept(header)
	best, offer := match{}, ""
	for _, o := range offers {
		if m := matchOf(ranges, o); m.q > 0 && m.beats(best) {
			best, offer = m, o
		}
	}
	return offer
}

// A match says how much an offer is liked.
type match struct {
	q        float64
	named    int // 3 the type itself, 2 "text/*", 1 "*/*"
	position int // in the header
}

func (m match) beats(other match) bool {
	if m.q != other.q {
		return m.q > other.q
	}
	if m.named != other.named {
		return m.named > other.named
	}
	return m.named == 3 && m.position < other.position
}

// matchOf takes the most specific range that covers the offer: it alone
// counts, also when a wider one is liked better.
func matchOf(ranges []accepted, offer string) (best match) {
	kind, _, _ := strings.Cut(offer, "/")
	for i, a := range ranges {
		named := 0
		switch a.value {
		case offer:
			named = 3
		case kind + "/*":
			named = 2
		case "*/*", "*":
			named = 1
		}
		if named > best.named {
			best = match{a.q, named, i}
		}
	}
	return best
}

// gzipped reports whether a request takes gzip.
func gzipped(r *http.Request) bool {
	return matchOf(parseAccept(strings.Join(r.Header.Values("Accept-Encoding"), ",")), "gzip").q > 0
}

// An accepted value of an Accept header, in lower case, and how much it is
// liked.
type accepted struct {
	value string
	q     float64
}

// parseAccept leaves out what it cannot read.
func parseAccept(header string) []accepted {
	var all []accepted
	for part := range strings.SplitSeq(header, ",") {
		value, params, _ := strings.Cut(part, ";")
		a := accepted{strings.ToLower(strings.TrimSpace(value)), 1}
		ok := a.value != ""
		for param := range strings.SplitSeq(params, ";") {
			if name, v, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(name, "q") {
				q, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
				a.q, ok = q, ok && err == nil && q >= 0 && q <= 1
			}
		}
		if ok {
			all = append(all, a)
		}
	}
	return all
}
