package identity_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/golang-jwt/jwt/v5"
)

// operates asks s whether a token is an operator's.
func operates(s *identity.Signer, token string) bool {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.Operator(r, false)
}

func TestOnlyAnOperatorsTokenMakesAnOperator(t *testing.T) {
	s, other := signer(t, newKey, oldKey), signer(t, []byte("a key that the server does not know"))
	good, err := s.OperatorToken(ann)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.OperatorToken(ann)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is known
		if u, err := bearer(s, good); u != ann || err != nil || !operates(s, good) {
			t.Errorf("an operator's token: %v, %v, operator %t", u, err, operates(s, good))
		}
	}
	claim := func(c jwt.MapClaims) { c["operator"] = true }
	for name, token := range map[string]string{
		"a user's":       token(t, s),
		"none":           "",
		"another key's":  foreign,
		"cut":            good[:len(good)-1],
		"unsigned":       sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", claim),
		"signed by none": sign(t, jwt.SigningMethodHS256, []byte("a key that the server does not know"), "", claim),
	} {
		if operates(s, token) {
			t.Errorf("%s token makes an operator", name)
		}
	}
	if r := httptest.NewRequest("GET", "/", nil); s.Operator(r, false) {
		t.Error("nobody is an operator")
	}
}

func TestOperatorStaysOneWhileTheSessionLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signer(t, oldKey)
		cookie, err := s.CookieOf(ann, chat.Session{ID: "s", Operator: true}, true)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Minute)
		renewed, err := s.Renew(withCookie(cookie), true)
		if err != nil || renewed == nil || !s.Operator(withCookie(renewed), true) {
			t.Fatalf("renewed to %v, %v, which is no operator's", renewed, err)
		}
		time.Sleep(2 * time.Hour)
		if _, _, returns := s.Returning(withCookie(renewed), true); !returns || s.Operator(withCookie(renewed), true) {
			t.Errorf("after its end: proves who it was %t, operator %t", returns, s.Operator(withCookie(renewed), true))
		}
	})
}
