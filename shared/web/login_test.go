package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

type who struct {
	User   *chat.User     `json:"user"`
	Token  string         `json:"token"`
	Guests string         `json:"guests"`
	Limits map[string]int `json:"limits"`
}

func TestLoginByForm(t *testing.T) {
	h := open(t, nil)
	for next, want := range map[string]string{
		"":                            "/",
		"&next=/r/ops":                "/r/ops",
		"&next=/?room=a%26x=y":        "/?room=a&x=y",
		"&next=//evil.example":        "/",
		"&next=///evil.example":       "/",
		"&next=https://evil.example/": "/",
		"&next=javascript:alert(1)":   "/",
		"&next=/%5Cevil.example":      "/",
		"&next=%5C%5Cevil":            "/",
		"&next=/%09/evil":             "/",
		"&next=/a%0D%0AX:%20y":        "/",
		"&next=evil":                  "/",
		"&next=/%zz":                  "",
	} {
		res := h.do(t, ask{"POST", "/login", asForm, "user=ann" + next, nobody})
		if want == "" {
			refused(t, res, 400, "cannot be read")
			continue
		}
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("next %q: %s to %q, want %q", next, res.Status, res.Header.Get("Location"), want)
		}
		c := res.Cookies()[0]
		me := decode[who](t, h.do(t, ask{"GET", "/login", "Cookie: session=" + c.Value, "", nobody}))
		if me.User == nil || me.User.Name != "ann" || !strings.HasPrefix(me.User.ID, "u_") {
			t.Errorf("after the login I am %v", me.User)
		}
	}
}

func TestLoginByMultipart(t *testing.T) {
	h := open(t, nil)
	const form = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--b--\r\n"
	res := h.do(t, ask{"POST", "/login", "Content-Type: multipart/form-data; boundary=b", form, nobody})
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("%s %s", res.Status, read(t, res))
	}
}

func TestLoginByJSON(t *testing.T) {
	h := open(t, nil)
	in := decode[who](t, h.do(t, ask{"POST", "/login", asJSON, `{"name":" Ann  Lee ","more":1}`, nobody}))
	if in.User == nil || in.User.Name != "Ann Lee" || in.Token != "" {
		t.Errorf("signed in as %v, token %q", in.User, in.Token)
	}
	in = decode[who](t, h.do(t, ask{"POST", "/login", asJSON, `{"name":"ann","token":true}`, nobody}))
	me := decode[who](t, h.do(t, ask{"GET", "/login", "Authorization: Bearer " + in.Token, "", nobody}))
	if me.User == nil || *me.User != *in.User {
		t.Errorf("signed in as %v, the token is %v's", in.User, me.User)
	}
}

func TestChangingTheNameKeepsTheID(t *testing.T) {
	h := open(t, nil)
	in := decode[who](t, h.do(t, ask{"POST", "/login", asJSON, `{"name":"anna"}`, ann}))
	if *in.User != (chat.User{ID: ann.ID, Name: "anna"}) {
		t.Errorf("ann became %v", in.User)
	}
	in = decode[who](t, h.do(t, ask{"POST", "/login", asJSON + "\nCookie: session=bad", `{"name":"anna"}`, nobody}))
	if in.User == nil || in.User.ID == ann.ID {
		t.Errorf("a bad session must not keep anybody out, nor let them in: %v", in.User)
	}
}

func TestWhoAmI(t *testing.T) {
	h := open(t, nil)
	me := decode[who](t, h.do(t, ask{"GET", "/login", "", "", nobody}))
	if me.User != nil || me.Guests != "read" || me.Limits["text"] != chat.MaxText || me.Limits["rooms"] != 32 {
		t.Errorf("nobody is told %+v", me)
	}
	res := h.do(t, ask{"GET", "/login", "Accept: text/html,*/*;q=0.8", "", nobody})
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" {
		t.Errorf("a browser is sent by %s to %q", res.Status, res.Header.Get("Location"))
	}
}

func TestLogoutClearsTheCookieWhateverItIs(t *testing.T) {
	h := open(t, nil)
	for _, head := range []string{"", "Cookie: session=bad"} {
		res := h.do(t, ask{"DELETE", "/login", head, "", nobody})
		if c := res.Cookies(); res.StatusCode != http.StatusNoContent || len(c) != 1 || c[0].MaxAge >= 0 || c[0].Name != "session" {
			t.Errorf("%s %v", res.Status, c)
		}
	}
}

// A token outlives the moment in which its name was free.
func TestOlderTokenOfATakenNameNeitherPostsNorTypes(t *testing.T) {
	h := open(t, nil)
	h.tape.here = []chat.User{ann}
	older := chat.User{ID: "u_older", Name: "ANN"}
	refused(t, h.do(t, ask{"POST", "/r/lobby/typing", "", "", older}), 409, "Somebody has that name")
	if len(h.tape.passed) > 0 {
		t.Errorf("%v passed by", h.tape.passed)
	}
	h.tape.err = chat.ErrNameTaken
	refused(t, h.do(t, ask{"POST", "/r/lobby", asJSON, `{"text":"x"}`, older}), 409, "Somebody has that name")
}

func TestTakenNameIsAConflict(t *testing.T) {
	h := open(t, nil)
	h.tape.here = []chat.User{ann}
	refused(t, h.do(t, ask{"POST", "/login", asForm, "user=ANN", nobody}), 409, "Somebody has that name")
	if res := h.do(t, ask{"POST", "/login", asForm, "user=ann", ann}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("ann herself: %s", res.Status)
	}
}

// A session that has expired, of a user who is around under that name by a
// stream of before, or on another device.
func TestOwnGhostIsNoObstacle(t *testing.T) {
	h := open(t, nil)
	h.tape.here = []chat.User{ann}
	long, err := identity.New(-2*time.Hour, key)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := long.Cookie(ann, false)
	if err != nil {
		t.Fatal(err)
	}
	head := "Cookie: " + expired.Name + "=" + expired.Value
	refused(t, h.do(t, ask{"GET", "/login", head, "", nobody}), 401, "expired")
	in := decode[who](t, h.do(t, ask{"POST", "/login", asJSON + "\n" + head, `{"name":"ann"}`, nobody}))
	if in.User == nil || *in.User != ann {
		t.Errorf("ann came back as %+v", in.User)
	}
}

func TestSignedOutNameIsFree(t *testing.T) {
	h := open(t, nil)
	if res := h.do(t, ask{"DELETE", "/login", "", "", ann}); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.Status)
	}
	if len(h.tape.freed) != 1 || h.tape.freed[0] != ann {
		t.Errorf("the names of %v were given away", h.tape.freed)
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	h := open(t, nil)
	for name, bad := range map[string]string{
		"empty": "", "blank": "  \t ", "ideographic space": "　", "long": strings.Repeat("a", 33),
		"bidi override": "ann\u202enna", "bidi isolate": "\u2066ann", "bidi mark": "ann\u200f",
		"zero-width space": "an\u200bn", "zero-width joiner": "a\u200dnn", "byte order mark": "\ufeffann", "word joiner": "a\u2060nn",
		"soft hyphen": "an\u00adn", "Hangul filler": "\u3164", "Braille blank": "\u2800", "tag": "ann\U000e0041",
		"Latin and Cyrillic": "аnn", "Latin and Greek": "αnn", "Cherokee": "Ꭺnn", "line break": "a\nb", "carriage return": "a\rb",
		"line separator": "a\u2028b", "NUL": "a\x00b", "escape": "a\x1b[1m", "invalid UTF-8": "a\xff", "stacked": "a\u0300\u0301\u0302\u0303\u0304",
		"private use": "\ue000", "unassigned": "\U000eee00", "reserved": "Admin", "reserved, wide": "ｓｙｓｔｅｍ",
	} {
		for _, a := range []ask{
			{"POST", "/login", asForm, "user=" + percent(bad), nobody},
			{"POST", "/login", asJSON, `{"name":` + string(chat.JSON(bad)) + `}`, nobody},
		} {
			if name == "invalid UTF-8" && a.head == asJSON {
				continue // the encoder of this test mends it
			}
			t.Run(name, func(t *testing.T) {
				res := h.do(t, a)
				if len(res.Cookies()) > 0 {
					t.Errorf("%q is let in", bad)
				}
				refused(t, res, 422, "ame")
			})
		}
	}
}

func TestGoodNamesAreTaken(t *testing.T) {
	h := open(t, nil)
	for _, good := range []string{"ann", "Ünal", "Nguyễn Thị", "王小明", "さくらザ漢字", "Иван", "עִבְרִית", "محمد", "김철수", "O'Neil-2", "a.b_c", "<b>ann</b>", "नमस्ते", "🦊 fox"} {
		if res := h.do(t, ask{"POST", "/login", asForm, "user=" + percent(good), nobody}); res.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: %s %s", good, res.Status, read(t, res))
		}
	}
}

// percent writes every byte as %XX.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte('%')
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return b.String()
}

func TestLoginsThatCannotBeCountedAreRefused(t *testing.T) {
	var counted []string
	var allow error
	h := open(t, func(cfg *web.Config) {
		cfg.AllowLogin = func(_ context.Context, address string) error {
			counted = append(counted, address)
			return allow
		}
	})
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 303},
		{&chat.RetryError{Err: fmt.Errorf("%w logins", chat.ErrTooMany), After: time.Second}, 429},
		{chat.ErrUnavailable, 503},
	} {
		allow = tt.err
		res := h.do(t, ask{"POST", "/login", "Content-Type: application/x-www-form-urlencoded", "user=ann", nobody})
		if res.StatusCode != tt.code || (tt.code == 303) != (len(res.Cookies()) > 0) {
			t.Errorf("%v: %d with %d cookies, want %d", tt.err, res.StatusCode, len(res.Cookies()), tt.code)
		}
	}
	if len(counted) != 3 || counted[0] == "" {
		t.Errorf("counted %q", counted)
	}
}

func TestPostsOfAnAddressAreCounted(t *testing.T) {
	var counted []string
	var allow error
	h := open(t, func(cfg *web.Config) {
		cfg.AllowPost = func(address string) error {
			counted = append(counted, address)
			return allow
		}
	})
	says := func() *http.Response {
		return h.do(t, ask{"POST", "/r/lobby", "Content-Type: text/plain", "hi", ann})
	}
	if res := says(); res.StatusCode != http.StatusCreated {
		t.Errorf("within the limit: %s", res.Status)
	}
	allow = &chat.RetryError{Err: fmt.Errorf("%w posts", chat.ErrTooMany), After: time.Second}
	if res := says(); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("above it: %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	if len(counted) != 2 || counted[0] == "" {
		t.Errorf("counted %q", counted)
	}
}
