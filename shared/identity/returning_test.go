package identity_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
)

// withCookie is a request that carries a cookie.
func withCookie(c *http.Cookie) *http.Request {
	r := httptest.NewRequest("POST", "/login", nil)
	r.AddCookie(c)
	return r
}

func TestExpiredSessionProvesWhoItWasForAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signer(t, oldKey)
		cookie, err := s.Cookie(ann, true)
		if err != nil {
			t.Fatal(err)
		}
		r := withCookie(cookie)
		proves := func(want bool) {
			t.Helper()
			if got, _, ok := s.Returning(r, true); ok != want || ok && got != ann {
				t.Errorf("it proves %+v, %t; want %t", got, ok, want)
			}
		}
		proves(true)
		time.Sleep(25 * time.Hour)
		proves(true)
		if _, err := s.User(r, true); !errors.Is(err, chat.ErrUnauthorized) {
			t.Errorf("the session itself: %v", err)
		}
		time.Sleep(identity.ReturnWithin - 25*time.Hour)
		proves(true)
		time.Sleep(2 * time.Hour)
		proves(false)
	})
}

func TestForgedSessionProvesNothing(t *testing.T) {
	s, other := signer(t, oldKey), signer(t, newKey)
	for name, r := range map[string]*http.Request{
		"none":           httptest.NewRequest("POST", "/login", nil),
		"another key's":  withCookie(&http.Cookie{Name: "__Host-session", Value: token(t, other)}),
		"cut":            withCookie(&http.Cookie{Name: "__Host-session", Value: token(t, s)[:40]}),
		"without prefix": withCookie(&http.Cookie{Name: "session", Value: token(t, s)}),
	} {
		if got, _, ok := s.Returning(r, true); ok {
			t.Errorf("%s: it proves %+v", name, got)
		}
	}
}

func TestSessionIsRenewedWhenItIsHalfOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signer(t, oldKey)
		cookie, err := s.Cookie(ann, true)
		if err != nil {
			t.Fatal(err)
		}
		renew := func(want bool) *http.Cookie {
			t.Helper()
			renewed, err := s.Renew(withCookie(cookie), true)
			if err != nil || (renewed != nil) != want {
				t.Fatalf("renewed to %v, %v; want %t", renewed, err, want)
			}
			return renewed
		}
		renew(false)
		time.Sleep(25 * time.Minute)
		renew(false)
		time.Sleep(10 * time.Minute)
		for range 24 { // a user who comes by each half hour
			cookie = renew(true)
			time.Sleep(35 * time.Minute)
		}
		if u, err := s.User(withCookie(cookie), true); u != ann || err != nil {
			t.Errorf("after 14 hours of sessions of one: %+v, %v", u, err)
		}
		time.Sleep(time.Hour)
		renew(false) // an expired one is no session
	})
}
