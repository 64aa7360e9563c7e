package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/web"
)

// A refusal must be a problem+json that names the status, says a sentence,
// and repeats nothing that was sent.
func refused(tb testing.TB, res *http.Response, code int, says string) {
	tb.Helper()
	body := read(tb, res)
	if res.StatusCode != code || res.Header.Get("Content-Type") != "application/problem+json" {
		tb.Errorf("%s %s %s, want %d", res.Status, res.Header.Get("Content-Type"), body, code)
		return
	}
	kind := "about:blank"
	if code == http.StatusConflict && strings.Contains(says, "has that name") {
		kind = "urn:confab:name-taken"
	}
	if want := fmt.Sprintf(`{"type":%q,"title":%q,"status":%d,"detail":"`, kind, http.StatusText(code), code); !strings.HasPrefix(body, want) {
		tb.Errorf("body %s does not begin with %s", body, want)
	}
	if !strings.Contains(body, says) || !strings.HasSuffix(body, ".\"}\n") {
		tb.Errorf("body %s does not say %q in a sentence", body, says)
	}
	if res.Header.Get("X-Request-Id") == "" || res.Header.Get("X-Content-Type-Options") == "" {
		tb.Error("a refusal without a request id or a content policy")
	}
}

func TestRefusals(t *testing.T) {
	h := open(t, nil)
	foreign := h.say(t, bob, "lobby", "bob's")
	theirs := "/r/lobby/" + foreign.ID.String()
	long := strings.Repeat("é", chat.MaxText+1)
	huge := strings.Repeat("x", 50_000)
	for name, tt := range map[string]struct {
		ask
		code int
		says string
	}{
		"post without a session":          {ask{"POST", "/post", asForm, "message=hi", nobody}, 401, "Say your name first"},
		"post to a room without one":      {ask{"POST", "/r/ops", asForm, "text=hi", nobody}, 401, "Say your name first"},
		"edit without a session":          {ask{"PATCH", theirs, asJSON, `{"text":"x"}`, nobody}, 401, "name"},
		"delete without a session":        {ask{"DELETE", theirs, "", "", nobody}, 401, "name"},
		"react without a session":         {ask{"PUT", theirs + "/reactions/%F0%9F%91%8D", "", "", nobody}, 401, "name"},
		"title without a session":         {ask{"PATCH", "/r/lobby", asJSON, `{"title":"x"}`, nobody}, 401, "name"},
		"typing without a session":        {ask{"POST", "/r/lobby/typing", "", "", nobody}, 401, "name"},
		"unsigned token":                  {ask{"POST", "/post", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1X2EifQ.\n" + asForm, "message=hi", nobody}, 401, "The session is not valid"},
		"forged cookie, reading":          {ask{"GET", "/r/lobby", "Cookie: session=a.b.c", "", nobody}, 401, "not valid"},
		"forged cookie, people":           {ask{"GET", "/r/lobby/people", "Cookie: session=a.b.c", "", nobody}, 401, "not valid"},
		"forged cookie, rooms":            {ask{"GET", "/rooms", "Cookie: session=a.b.c", "", nobody}, 401, "not valid"},
		"forged cookie, who am I":         {ask{"GET", "/login", "Cookie: session=a.b.c", "", nobody}, 401, "not valid"},
		"empty bearer":                    {ask{"GET", "/r/lobby", "Authorization: Bearer ", "", nobody}, 401, "not valid"},
		"empty text":                      {ask{"POST", "/r/ops", asJSON, `{"text":""}`, ann}, 422, "The text is empty"},
		"no text":                         {ask{"POST", "/r/ops", asJSON, `{}`, ann}, 422, "empty"},
		"null":                            {ask{"POST", "/r/ops", asJSON, `null`, ann}, 422, "empty"},
		"empty form":                      {ask{"POST", "/post", asForm, "", ann}, 422, "empty"},
		"blank text":                      {ask{"POST", "/r/ops", asForm, "text=+%09%0A%E2%80%8B%E3%85%A4", ann}, 422, "empty"},
		"too long text":                   {ask{"POST", "/r/ops", asText, long, ann}, 422, "4001 characters, the limit is 4000"},
		"too large body":                  {ask{"POST", "/r/ops", asText, huge, ann}, 413, "49024 bytes"},
		"too large JSON":                  {ask{"POST", "/r/ops", asJSON, `{"text":"` + huge + `"}`, ann}, 413, "49024 bytes"},
		"too large form":                  {ask{"POST", "/post", asForm, "message=" + huge, ann}, 413, "49024 bytes"},
		"too large login":                 {ask{"POST", "/login", asForm, "user=" + huge, nobody}, 413, "49024 bytes"},
		"too large multipart":             {ask{"POST", "/post", "Content-Type: multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n" + huge + "\r\n--b--", ann}, 413, "49024 bytes"},
		"invalid UTF-8 in text":           {ask{"POST", "/r/ops", asText, "a\xffb", ann}, 422, "UTF-8"},
		"invalid UTF-8 in a form":         {ask{"POST", "/post", asForm, "message=%ff%fe", ann}, 422, "UTF-8"},
		"invalid UTF-8 in JSON":           {ask{"POST", "/r/ops", asJSON, "{\"text\":\"\xff\"}", ann}, 422, "UTF-8"},
		"control character":               {ask{"POST", "/r/ops", asText, "a\x1b[2Jb", ann}, 422, "U+001B"},
		"NUL":                             {ask{"POST", "/r/ops", asJSON, `{"text":"a\u0000b"}`, ann}, 422, "U+0000"},
		"broken JSON":                     {ask{"POST", "/r/ops", asJSON, `{"text":`, ann}, 400, "The body is not JSON"},
		"JSON and more":                   {ask{"POST", "/r/ops", asJSON, `{"text":"a"} x`, ann}, 400, "not JSON"},
		"two JSON values":                 {ask{"POST", "/r/ops", asJSON, `{"text":"a"}{"text":"b"}`, ann}, 400, "not JSON"},
		"empty JSON":                      {ask{"POST", "/r/ops", asJSON, ``, ann}, 400, "not JSON"},
		"deep JSON":                       {ask{"POST", "/r/ops", asJSON, strings.Repeat("[", 12<<10), ann}, 400, "not JSON"},
		"a null for a text":               {ask{"POST", "/r/ops", asJSON, `{"text":"a","reply":null}`, ann}, 422, "field reply is null"},
		"a null for a token":              {ask{"POST", "/login", asJSON, `{"name":"cleo","token":null}`, nobody}, 422, "field token is null"},
		"a list of a list":                {ask{"POST", "/r/ops", asJSON, `[["hi"]]`, ann}, 422, "neither an object"},
		"a number for a text":             {ask{"POST", "/r/ops", asJSON, `{"text":7}`, ann}, 422, "field text"},
		"a reply to nothing":              {ask{"POST", "/r/ops", asJSON, `{"text":"a","reply":"x"}`, ann}, 422, "id looks like"},
		"a broken form":                   {ask{"POST", "/post", asForm, "message=%zz", ann}, 400, "cannot be read"},
		"a broken multipart":              {ask{"POST", "/post", "Content-Type: multipart/form-data; boundary=b", "--c", ann}, 400, "cannot be read"},
		"multipart without a boundary":    {ask{"POST", "/post", "Content-Type: multipart/form-data", "--c", ann}, 400, "cannot be read"},
		"XML":                             {ask{"POST", "/r/ops", "Content-Type: application/xml", "<text/>", ann}, 415, "application/json or"},
		"text to /post":                   {ask{"POST", "/post", asText, "hi", ann}, 415, "application/x-www-form-urlencoded or"},
		"text to /login":                  {ask{"POST", "/login", asText, "ann", nobody}, 415, "application/json"},
		"form to an edit":                 {ask{"PATCH", theirs, asForm, "text=x", ann}, 415, "application/json"},
		"no type":                         {ask{"POST", "/r/ops", "", "hi", ann}, 415, "Send the body as"},
		"Latin-1":                         {ask{"POST", "/r/ops", "Content-Type: text/plain; charset=latin1", "hi", ann}, 415, "UTF-8"},
		"UTF-16 JSON":                     {ask{"POST", "/r/ops", "Content-Type: application/json; charset=utf-16", "{}", ann}, 415, "UTF-8"},
		"compressed":                      {ask{"POST", "/r/ops", asText + "\nContent-Encoding: gzip", "hi", ann}, 415, "compression"},
		"a key with a space":              {ask{"POST", "/r/ops", asText + "\nIdempotency-Key: a b", "hi", ann}, 422, "128 printable"},
		"a long key":                      {ask{"POST", "/r/ops", asText + "\nIdempotency-Key: " + strings.Repeat("k", 129), "hi", ann}, 422, "128 printable"},
		"upper-case room":                 {ask{"POST", "/r/Ops", asText, "hi", ann}, 404, "small letters"},
		"room with a slash":               {ask{"GET", "/r/a%2Fb", "", "", nobody}, 404, "small letters"},
		"room with a line break":          {ask{"GET", "/r/a%0Ab", "", "", nobody}, 404, "small letters"},
		"long room":                       {ask{"GET", "/r/" + strings.Repeat("a", 64), "", "", nobody}, 404, "1 to 63"},
		"people of no room":               {ask{"GET", "/r/-/people", "", "", nobody}, 404, "room"},
		"typing in no room":               {ask{"POST", "/r/-/typing", "", "", ann}, 404, "room"},
		"post to no room, form":           {ask{"POST", "/post", asForm, "message=hi&room=A", ann}, 400, "small letters"},
		"post to no room, JSON":           {ask{"POST", "/post", asJSON, `{"text":"hi","room":"a b"}`, ann}, 400, "small letters"},
		"rooms, one is none":              {ask{"GET", "/rooms?room=a&room=B", "", "", nobody}, 400, "small letters"},
		"too many rooms":                  {ask{"GET", "/rooms?" + strings.Repeat("room=a&", 33), "", "", nobody}, 400, "33 rooms are asked for, the limit is 32"},
		"limit of nothing":                {ask{"GET", "/r/ops?limit=0", "", "", nobody}, 400, "1 to 100"},
		"an empty before":                 {ask{"GET", "/r/ops?before=", "", "", nobody}, 400, "Before is the id"},
		"a follow of two":                 {ask{"GET", "/r/ops?follow=2", "", "", nobody}, 400, "Follow may be 1"},
		"limit of letters":                {ask{"GET", "/r/ops?limit=x", "", "", nobody}, 400, "1 to 100"},
		"before nothing":                  {ask{"GET", "/r/ops?before=x", "", "", nobody}, 400, "id looks like"},
		"before and after":                {ask{"GET", "/r/ops?before=1-0&after=1-0", "", "", nobody}, 400, "not both"},
		"an unknown format":               {ask{"GET", "/r/ops", "Accept: image/png", "", nobody}, 406, "text/plain"},
		"a format refused":                {ask{"GET", "/r/ops", "Accept: text/plain;q=0", "", nobody}, 406, "application/json"},
		"edit of another's":               {ask{"PATCH", theirs, asJSON, `{"text":"x"}`, ann}, 403, "somebody else's"},
		"delete of another's":             {ask{"DELETE", theirs, "", "", ann}, 403, "somebody else's"},
		"edit of nothing":                 {ask{"PATCH", "/r/lobby/9-9", asJSON, `{"text":"x"}`, ann}, 404, "No such message"},
		"edit of the zero id":             {ask{"PATCH", "/r/lobby/0-0", asJSON, `{"text":"x"}`, ann}, 404, "no such message"},
		"delete of an odd id":             {ask{"DELETE", "/r/lobby/1e3-0", "", "", ann}, 404, "no such message"},
		"a word as a reaction":            {ask{"PUT", theirs + "/reactions/lol", "", "", ann}, 422, "A reaction is one emoji"},
		"markup as a reaction":            {ask{"PUT", theirs + "/reactions/%3Cb%3E", "", "", ann}, 422, "one emoji"},
		"a title of two lines":            {ask{"PATCH", "/r/ops", asJSON, `{"title":"a\nb"}`, ann}, 422, "one line"},
		"a long title":                    {ask{"PATCH", "/r/ops", asJSON, `{"title":"` + strings.Repeat("a", 81) + `"}`, ann}, 422, "the limit is 80"},
		"nothing there":                   {ask{"GET", "/wp-login.php", "", "", nobody}, 404, "There is nothing at this address"},
		"nothing to post to":              {ask{"POST", "/nothing", asForm, "a=b", ann}, 404, "nothing at this address"},
		"dots":                            {ask{"GET", "/../../etc/passwd", "", "", nobody}, 404, "nothing at this address"},
		"source":                          {ask{"GET", "/public.go", "", "", nobody}, 404, "nothing at this address"},
		"a folder":                        {ask{"GET", "/js/", "", "", nobody}, 404, "nothing at this address"},
		"another site's form":             {ask{"POST", "/post", asForm + "\nSec-Fetch-Site: cross-site", "message=hi", ann}, 403, "another site"},
		"another site's login":            {ask{"POST", "/login", asForm + "\nOrigin: https://evil.example", "user=ann", nobody}, 403, "another site"},
		"another site's delete":           {ask{"DELETE", "/login", "Sec-Fetch-Site: same-site", "", nobody}, 403, "another site"},
		"another origin, no fetch header": {ask{"POST", "/r/ops", asText + "\nOrigin: null", "hi", ann}, 403, "another site"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, h.do(t, tt.ask), tt.code, tt.says) })
	}
	if n := len(h.tape.events["lobby"]) + len(h.tape.events["ops"]); n != 1 {
		t.Errorf("%d events were written, want only bob's", n)
	}
}

var nobody chat.User

func TestWrongMethodIsToldTheRightOnes(t *testing.T) {
	h := open(t, nil)
	for _, tt := range []struct{ method, target, allow string }{
		{"GET", "/post", "OPTIONS, POST"},
		{"PUT", "/login", "DELETE, GET, HEAD, OPTIONS, POST"},
		{"POST", "/stream", "GET, HEAD, OPTIONS"},
		{"POST", "/r/lobby/members/u_x", "DELETE, OPTIONS, PUT"},
		{"POST", "/r/lobby/1-0", "DELETE, GET, HEAD, OPTIONS, PATCH"},
		{"POST", "/r/lobby/people", "GET, HEAD, OPTIONS"},
		{"DELETE", "/r/lobby/people", "GET, HEAD, OPTIONS"}, // no event that could be deleted
		{"GET", "/r/lobby/typing", "OPTIONS, POST"},
		{"POST", "/r/lobby/1-0/reactions/x", "DELETE, OPTIONS, PUT"},
		{"POST", "/js/main.js", "GET, HEAD, OPTIONS"},
		{"BREW", "/", "GET, HEAD, OPTIONS"},
	} {
		res := h.do(t, ask{tt.method, tt.target, "", "", ann})
		if got := res.Header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.target, got, tt.allow)
		}
		refused(t, res, http.StatusMethodNotAllowed, "This address takes "+tt.allow)
	}
}

// Balancers ask by OPTIONS whether a server is there.
func TestOptionsTellsTheMethodsOfAnAddress(t *testing.T) {
	h := open(t, nil)
	for target, allow := range map[string]string{"/": "GET, HEAD, OPTIONS", "/rooms": "GET, HEAD, OPTIONS, POST", "/r/lobby/typing": "OPTIONS, POST"} {
		res := h.do(t, ask{"OPTIONS", target, "", "", nobody})
		if got := res.Header.Get("Allow"); res.StatusCode != http.StatusNoContent || got != allow {
			t.Errorf("OPTIONS %s: %s, Allow %q, want %q", target, res.Status, got, allow)
		}
	}
	refused(t, h.do(t, ask{"OPTIONS", "/nothing", "", "", nobody}), 404, "nothing at this address")
}

// What Allow names is not refused as a wrong method, and what it does not name is.
func TestAllowIsTrue(t *testing.T) {
	h := open(t, nil)
	for _, target := range []string{"/", "/login", "/post", "/rooms", "/ws/send", "/r/lobby", "/r/lobby/1-0", "/r/lobby/people", "/r/lobby/typing", "/r/lobby/1-0/reactions/x"} {
		allow := strings.Split(h.do(t, ask{"OPTIONS", target, "", "", nobody}).Header.Get("Allow"), ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			res := h.do(t, ask{method, target, "", "", nobody})
			if got := res.StatusCode != http.StatusMethodNotAllowed; got != slices.Contains(allow, method) {
				t.Errorf("%s %s: %s, but Allow is %q", method, target, res.Status, allow)
			}
		}
	}
}

func TestExpiredSessionIsRefused(t *testing.T) {
	h := open(t, nil)
	old := token(t, -2*time.Minute, ann)
	for _, head := range []string{"Cookie: session=" + old, "Authorization: Bearer " + old} {
		refused(t, h.do(t, ask{"GET", "/r/lobby", head, "", nobody}), 401, "The session has expired")
	}
}

func TestTroubleOfTheRooms(t *testing.T) {
	h := open(t, nil)
	for _, tt := range []struct {
		err   error
		code  int
		says  string
		retry string
	}{
		{fmt.Errorf("append to lobby: %w: dial 10.1.2.3: refused", chat.ErrUnavailable), 503, "The chat can’t be reached right now. Try again in a moment.", "1"},
		{&chat.RetryError{Err: fmt.Errorf("%w posts at once: wait a moment", chat.ErrTooMany), After: 2100 * time.Millisecond}, 429, "Too many posts at once", "3"},
		{&chat.RetryError{Err: fmt.Errorf("%w: no", chat.ErrTooMany), After: time.Millisecond}, 429, "No.", "1"},
		{errors.New("secret: 10.1.2.3 said no"), 500, `"Internal error."`, ""},
	} {
		h.tape.err = tt.err
		h.log.Reset()
		for _, a := range []ask{
			{"POST", "/r/lobby", asText, "hush", ann},
			{"GET", "/r/lobby", "", "", nobody},
			{"GET", "/rooms", "", "", nobody},
			{"GET", "/r/lobby/people", "", "", nobody},
			{"POST", "/r/lobby/typing", "", "", ann},
			{"POST", "/login", asForm, "user=hush", nobody},
		} {
			res := h.do(t, a)
			if got := res.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("%v: Retry-After %q, want %q", tt.err, got, tt.retry)
			}
			refused(t, res, tt.code, tt.says)
		}
		log := h.log.String()
		if n := strings.Count(log, "\n"); n != 6 {
			t.Errorf("%v: logged %d lines, want one for each failure:\n%s", tt.err, n, log)
		}
		if told := strings.Contains(log, "10.1.2.3"); told != (tt.code >= 500) {
			t.Errorf("%v: told to the operator: %t\n%s", tt.err, told, log)
		}
		if strings.Contains(log, "hush") || strings.Contains(log, h.token(t, ann)) {
			t.Errorf("a body or a token is in the log:\n%s", log)
		}
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	h := open(t, func(c *web.Config) { c.Rooms = nil })
	refused(t, h.do(t, ask{"GET", "/rooms", "", "", nobody}), 500, "Internal error.")
	if !strings.Contains(h.log.String(), "rooms.go") {
		t.Errorf("the log does not say where: %s", h.log)
	}
}
