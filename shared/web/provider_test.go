package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// An elsewhere is a provider that takes everybody who has the code "good".
type elsewhere struct{}

func (elsewhere) Begin(callback string) (string, []byte, error) {
	return "https://accounts.example/authorize?redirect_uri=" + url.QueryEscape(callback), []byte(`"begun"`), nil
}

func (elsewhere) Finish(_ context.Context, _ string, state []byte, query url.Values) (identity.Proof, bool, error) {
	if string(state) != `"begun"` || query.Get("code") != "good" {
		return identity.Proof{}, false, fmt.Errorf("%w: refused", chat.ErrUnauthorized)
	}
	return identity.Proof{Issuer: "https://accounts.example", Subject: "7", Name: "Ann"}, false, nil
}

func TestLoginAtTheProviderIsOfTheBrowserThatBegan(t *testing.T) {
	h := openWays(t, web.Ways{Provider: elsewhere{}}, func(c *web.Config) { c.SignIn = []string{web.ByProvider} })
	begin := func(next string) (cookie string) {
		t.Helper()
		res := h.do(t, ask{"GET", "/login/oidc?next=" + url.QueryEscape(next), "", "", nobody})
		if len(res.Cookies()) != 1 || res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "https://accounts.example/") {
			t.Fatalf("%s to %s with %v", res.Status, res.Header.Get("Location"), res.Cookies())
		}
		if c := res.Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge > 600 {
			t.Errorf("the cookie is %s", c)
		}
		return res.Cookies()[0].Value
	}
	back := func(cookie, query string) *http.Response {
		t.Helper()
		return h.do(t, ask{"GET", "/login/oidc/callback?" + query, "Cookie: login=" + cookie, "", nobody})
	}
	for next, want := range map[string]string{"/r/ops": "/r/ops", "": "/", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/"} {
		res := back(begin(next), "code=good")
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want || len(res.Cookies()) != 2 {
			t.Errorf("next %q leads to %q by %s, with %d cookies", next, res.Header.Get("Location"), res.Status, len(res.Cookies()))
		}
	}
	refused(t, back("", "code=good"), 401, "This took too long")
	refused(t, back("x", "code=good"), 401, "This took too long")
	refused(t, back(h.token(t, ann), "code=good"), 401, "This took too long")
	for _, query := range []string{"code=bad", "error=access_denied", ""} {
		res := back(begin("/"), query)
		for _, c := range res.Cookies() {
			if c.Name == "session" {
				t.Errorf("%q signs somebody in", query)
			}
		}
		refused(t, res, 401, "Refused")
	}
	refused(t, open(t, nil).do(t, ask{"GET", "/login/oidc", "", "", nobody}), 403, "Nobody signs in here by an OpenID provider")
}
