package identity_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/golang-jwt/jwt/v5"
)

var (
	oldKey = bytes.Repeat([]byte("o"), 32)
	newKey = bytes.Repeat([]byte("n"), 32)
	ann    = chat.User{ID: "u_ann", Name: "Ann Ünal"}
)

func signer(tb testing.TB, keys ...[]byte) *identity.Signer {
	tb.Helper()
	s, err := identity.New(time.Hour, keys...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func token(tb testing.TB, s *identity.Signer) string {
	tb.Helper()
	t, err := s.Token(ann)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// bearer asks s for the user of a token.
func bearer(s *identity.Signer, token string) (chat.User, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.User(r, false)
}

func TestKeysMustBeLongEnough(t *testing.T) {
	for _, keys := range [][][]byte{{}, {nil}, {oldKey[:31]}, {oldKey, newKey[:31]}} {
		if _, err := identity.New(time.Hour, keys...); err == nil {
			t.Errorf("New took %d keys of which one is short", len(keys))
		}
	}
}

func TestUserComesBackFromTokenAndCookie(t *testing.T) {
	s := signer(t, oldKey)
	if u, err := bearer(s, token(t, s)); u != ann || err != nil {
		t.Errorf("by token: %v, %v", u, err)
	}
	for _, secure := range []bool{false, true} {
		c, err := s.Cookie(ann, secure)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(c)
		if u, err := s.User(r, secure); u != ann || err != nil {
			t.Errorf("by cookie, secure %t: %v, %v", secure, u, err)
		}
		if _, err := s.User(r, !secure); !errors.Is(err, identity.ErrNone) {
			t.Errorf("cookie with secure %t counts with %t: %v", secure, !secure, err)
		}
	}
}

func TestCookieFlags(t *testing.T) {
	s := signer(t, oldKey)
	made, _ := s.Cookie(ann, true)
	for _, tt := range []struct {
		c    *http.Cookie
		want string
	}{
		{made, `^__Host-session=[\w.-]+; Path=/; Max-Age=31539600; HttpOnly; Secure; SameSite=Lax$`},
		{s.Clear(true), `^__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax$`},
		{s.Clear(false), `^session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax$`},
	} {
		if !regexp.MustCompile(tt.want).MatchString(tt.c.String()) {
			t.Errorf("cookie %s, want %s", tt.c, tt.want)
		}
	}
}

func TestNoSessionIsToldFromABadOne(t *testing.T) {
	s := signer(t, oldKey)
	for _, tt := range []struct {
		auth, cookie string
		none         bool
	}{
		{"", "", true},
		{"Basic YTpi", "", true}, // a proxy's, not ours
		{"Bearer", "", false},
		{"Bearer ", "", false},
		{"bearer x.y.z", "", false},
		{"", "x", false},
		{"Bearer x", token(t, s), false}, // a bad bearer is not mended by a good cookie
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		if tt.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: tt.cookie})
		}
		_, err := s.User(r, false)
		if !errors.Is(err, chat.ErrUnauthorized) || errors.Is(err, identity.ErrNone) != tt.none {
			t.Errorf("Authorization %q, cookie %.5q: %v, want none %t", tt.auth, tt.cookie, err, tt.none)
		}
	}
}

// sign makes a token as somebody else might.
func sign(tb testing.TB, method jwt.SigningMethod, key any, kid string, change func(jwt.MapClaims)) string {
	tb.Helper()
	c := jwt.MapClaims{"sub": ann.ID, "name": ann.Name, "aud": "session", "exp": time.Now().Add(time.Hour).Unix()}
	if change != nil {
		change(c)
	}
	t := jwt.NewWithClaims(method, c)
	if kid != "" {
		t.Header["kid"] = kid
	}
	text, err := t.SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func TestBadTokensAreRefused(t *testing.T) {
	s := signer(t, newKey)
	good := token(t, s)
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	kid := parsed.Header["kid"].(string)
	own := func(change func(jwt.MapClaims)) string {
		return sign(t, jwt.SigningMethodHS256, newKey, kid, change)
	}
	for _, tok := range []string{good, own(nil)} { // known from here on
		if _, err := bearer(s, tok); err != nil {
			t.Fatalf("a good token is refused: %v", err)
		}
	}
	b64 := base64.RawURLEncoding
	forged := b64.EncodeToString([]byte(`{"sub":"u_bob","name":"bob","aud":"session","exp":99999999999}`))
	for name, bad := range map[string]string{
		"another body":         head + "." + forged + "." + sig,
		"no signature":         head + "." + body + ".",
		"two parts":            head + "." + body,
		"four parts":           good + ".x",
		"last letter gone":     good[:len(good)-1],
		"half":                 good[:len(good)/2],
		"padding":              good + "=",
		"line break":           good[:9] + "\n" + good[9:],
		"loose trailing bits":  good[:len(good)-1] + string(good[len(good)-1]+1), // 43 letters carry 258 bits, the last two must be 0
		"standard base64":      head + "." + body + "." + "+/" + sig[2:],
		"long":                 head + "." + strings.Repeat("a", 1<<16) + "." + sig,
		"alg none":             sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, nil),
		"alg HS512":            sign(t, jwt.SigningMethodHS512, newKey, kid, nil),
		"alg none, signed":     b64.EncodeToString([]byte(`{"alg":"none","kid":"`+kid+`"}`)) + "." + body + "." + sig,
		"another key":          sign(t, jwt.SigningMethodHS256, oldKey, kid, nil),
		"unknown kid":          sign(t, jwt.SigningMethodHS256, newKey, "nobody", nil),
		"no kid":               sign(t, jwt.SigningMethodHS256, newKey, "", nil),
		"another purpose":      own(func(c jwt.MapClaims) { c["aud"] = "invite" }),
		"no purpose":           own(func(c jwt.MapClaims) { delete(c, "aud") }),
		"no end":               own(func(c jwt.MapClaims) { delete(c, "exp") }),
		"expired":              own(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }),
		"not yet":              own(func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(2 * time.Minute).Unix() }),
		"nobody":               own(func(c jwt.MapClaims) { delete(c, "sub") }),
		"nameless":             own(func(c jwt.MapClaims) { delete(c, "name") }),
		"name of another kind": own(func(c jwt.MapClaims) { c["name"] = 7 }),
	} {
		if bad == good {
			t.Errorf("%s: the token was not changed", name)
		}
		if u, err := bearer(s, bad); !errors.Is(err, chat.ErrUnauthorized) || u != (chat.User{}) {
			t.Errorf("%s: %v, %v", name, u, err)
		}
	}
}

func TestSessionEndsALeewayAfterItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signer(t, oldKey)
		tok := token(t, s)
		time.Sleep(time.Hour + 59*time.Second)
		if _, err := bearer(s, tok); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := bearer(s, tok); !errors.Is(err, chat.ErrUnauthorized) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("after the leeway: %v", err)
		}
	})
}

func TestServersWhoseClocksDifferShareSessions(t *testing.T) {
	at := func(off time.Duration) *identity.Signer {
		s, err := identity.New(24*time.Hour, oldKey)
		if err != nil {
			t.Fatal(err)
		}
		s.SetClock(func() time.Time { return time.Now().Add(off) })
		return s
	}
	for _, tt := range []struct {
		signs, reads time.Duration // how far that server's clock is ahead
		ends         time.Duration // true time after which the session is over
	}{
		{0, 0, 24 * time.Hour},
		{time.Hour, 0, 25 * time.Hour},
		{-time.Hour, 0, 23 * time.Hour},
		{0, time.Hour, 23 * time.Hour},
		{0, -time.Hour, 25 * time.Hour},
		{time.Hour, -time.Hour, 26 * time.Hour},
		{-time.Hour, time.Hour, 22 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			tok := token(t, at(tt.signs))
			reader := at(tt.reads)
			for _, wait := range []time.Duration{0, tt.ends - time.Minute} {
				time.Sleep(wait)
				if u, err := bearer(reader, tok); u != ann || err != nil {
					t.Errorf("signed %v ahead, read %v ahead after %v: %v, %v", tt.signs, tt.reads, wait, u, err)
				}
			}
			time.Sleep(2*time.Minute + time.Second)
			if _, err := bearer(reader, tok); !errors.Is(err, chat.ErrUnauthorized) {
				t.Errorf("signed %v ahead, read %v ahead, after its end: %v", tt.signs, tt.reads, err)
			}
		})
	}
}

func TestRotationKeepsOldSessionsUntilTheKeyIsDropped(t *testing.T) {
	before, both, after := signer(t, oldKey), signer(t, newKey, oldKey), signer(t, newKey)
	if u, err := bearer(both, token(t, before)); u != ann || err != nil {
		t.Errorf("an old session while both keys count: %v, %v", u, err)
	}
	if u, err := bearer(after, token(t, both)); u != ann || err != nil {
		t.Errorf("the new key does not sign: %v, %v", u, err)
	}
	if _, err := bearer(after, token(t, before)); !errors.Is(err, chat.ErrUnauthorized) {
		t.Errorf("an old session after its key was dropped: %v", err)
	}
}

func TestKnownSessionsAreFewAndStayWhileTheyAreUsed(t *testing.T) {
	s := signer(t, oldKey)
	used := token(t, s)
	for i := range 3 * identity.MaxKnown / 512 {
		if i > 0 && !s.Knows(used) {
			t.Fatal("a session in use was forgotten")
		}
		if u, err := bearer(s, used); u != ann || err != nil {
			t.Fatalf("a session in use: %v, %v", u, err)
		}
		for range 512 {
			tok, err := s.Token(identity.NewUser("bob"))
			if err != nil {
				t.Fatal(err)
			}
			bearer(s, tok)
			bearer(s, tok[:len(tok)-1])
		}
	}
	if n := s.Known(); n > 2*identity.MaxKnown {
		t.Errorf("%d sessions are known, the most is %d", n, 2*identity.MaxKnown)
	}
}

func BenchmarkUser(b *testing.B) {
	s := signer(b, oldKey)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token(b, s))
	for name, forget := range map[string]bool{"first": true, "known": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					s.Forget()
				}
				if _, err := s.User(r, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestNewUsersDiffer(t *testing.T) {
	a, b := identity.NewUser("ann"), identity.NewUser("ann")
	if a.ID == b.ID || a.Name != "ann" || !regexp.MustCompile(`^u_[a-z2-7]{20}$`).MatchString(a.ID) {
		t.Errorf("NewUser made %v and %v", a, b)
	}
}

func FuzzToken(f *testing.F) {
	s := signer(f, oldKey)
	good := token(f, s)
	f.Add(good)
	f.Add(good[:len(good)-1] + "A")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, tok string) {
		u, err := bearer(s, tok)
		switch {
		case err == nil && strings.TrimSpace(tok) != good:
			t.Errorf("a token that was not issued is taken: %q", tok)
		case err == nil && u != ann:
			t.Errorf("the issued token is %v's", u)
		case err != nil && !errors.Is(err, chat.ErrUnauthorized):
			t.Errorf("%q: %v is no refusal", tok, err)
		}
	})
}
