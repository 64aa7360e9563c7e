package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"confab/shared/chat"
)

// The kinds of error that only HTTP knows.
var (
	errMalformed     = errors.New("malformed")
	errMethod        = errors.New("wrong method")
	errNotAcceptable = errors.New("not acceptable")
	errMediaType     = errors.New("wrong media type")
	errUpgrade       = errors.New("no upgrade")
	errNotHere       = errors.New("not possible here")
	errForeign       = errors.New("other site")
	errMisdirected   = errors.New("other host")
	errHeader        = errors.New("large header")
	errSlow          = errors.New("slow request")
)

// kinds gives each kind of error its status. The text that wraps them is for
// the user, but for that of [chat.ErrUnavailable].
var kinds = []struct {
	err  error
	code int
}{
	{errMalformed, http.StatusBadRequest},
	{chat.ErrUnauthorized, http.StatusUnauthorized},
	{chat.ErrForbidden, http.StatusForbidden},
	{errForeign, http.StatusForbidden},
	{chat.ErrNotFound, http.StatusNotFound},
	{errMethod, http.StatusMethodNotAllowed},
	{errNotAcceptable, http.StatusNotAcceptable},
	{chat.ErrConflict, http.StatusConflict},
	{chat.ErrGone, http.StatusGone},
	{errMediaType, http.StatusUnsupportedMediaType},
	{errMisdirected, http.StatusMisdirectedRequest},
	{chat.ErrInvalid, http.StatusUnprocessableEntity},
	{chat.ErrReused, http.StatusUnprocessableEntity},
	{errUpgrade, http.StatusUpgradeRequired},
	{chat.ErrTooMany, http.StatusTooManyRequests},
	{errSlow, http.StatusRequestTimeout},
	{errHeader, http.StatusRequestHeaderFieldsTooLarge},
	{errNotHere, http.StatusNotImplemented},
	{chat.ErrUnavailable, http.StatusServiceUnavailable},
}

// status says what an error is over HTTP, and to the user. What it does not
// know is an internal error, of which the user learns nothing more.
func status(err error) (code int, detail string) {
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("The request's body is larger than the limit of %d bytes.", big.Limit)
	}
	for _, k := range kinds {
		switch {
		case !errors.Is(err, k.err):
		case errors.Is(err, chat.ErrFull):
			return k.code, "This chat has no place left for more: nothing was written. Whoever runs it can make room; try again later."
		case k.err == chat.ErrUnavailable:
			return k.code, "The chat can’t be reached right now. Try again in a moment."
		default:
			return k.code, sentence(plain(err, k.err))
		}
	}
	return http.StatusInternalServerError, "Internal error."
}

// plain is an error's text without its kind and without what the operator
// would read before it.
func plain(err, kind error) string {
	if _, text, ok := strings.Cut(err.Error(), kind.Error()+": "); ok {
		return text
	}
	return err.Error()
}

func sentence(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:] + "."
}

// A problem is an error on the wire (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// nameTaken is the type of the problem that a client mends by another name.
const nameTaken = "urn:confab:name-taken"

func problemOf(err error) problem {
	code, detail := status(err)
	p := problem{"about:blank", http.StatusText(code), code, detail}
	if errors.Is(err, chat.ErrNameTaken) {
		p.Type = nameTaken
	}
	return p
}

// fail answers a request with its error, and logs it once.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Link", "Location"} {
		h.Del(name) // they were meant for another answer
	}
	h.Set("Content-Type", typeProblem)
	h.Set("Cache-Control", noStore)
	h.Add("Vary", "Accept")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusRequestEntityTooLarge:
		h.Set("Connection", "close") // or the rest of the body would be read
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(err))
	}
	body := jsonLine(p)
	if s.site != nil && accepts(r, typeProblem, typeHTML) == typeHTML {
		h.Set("Content-Type", typeHTML+"; charset=utf-8")
		guardDocument(h)
		h.Add("Vary", "Accept-Language")
		body = pageOf(p, asksForChinese(r))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
	s.logFailure(r, p.Status, h.Get(requestID), err)
}

// retryAfter is in whole seconds, at least one.
func retryAfter(err error) string {
	after := time.Second
	if retry, ok := errors.AsType[*chat.RetryError](err); ok {
		after = max(after, retry.After)
	}
	return strconv.Itoa(int(math.Ceil(after.Seconds())))
}

// logFailure never logs a query or a body, nor any header that may be secret.
func (s *Server) logFailure(r *http.Request, code int, id string, err error) {
	if r.Context().Err() != nil {
		return // a browser that left is no error
	}
	facts := []any{"status", code, "method", clip(r.Method), "path", clip(shownPath(r.URL.Path)), "client", s.client(r), "request", id}
	if code >= http.StatusInternalServerError {
		s.log.Error("request failed", append(facts, "err", err)...)
		return
	}
	for _, kind := range []error{errForeign, errMisdirected} { // for the operator to mend
		if errors.Is(err, kind) {
			facts = append(facts, "origin", clip(r.Header.Get("Origin")), "host", clip(r.Host), "why", plain(err, kind))
		}
	}
	s.log.Info("request refused", facts...)
}

// shownPath is a path without what lets its reader in.
func shownPath(path string) string {
	if strings.HasPrefix(path, "/join/") {
		return "/join/"
	}
	return path
}

// clip keeps a stranger from filling the log.
func clip(s string) string { return s[:min(len(s), 128)] }
