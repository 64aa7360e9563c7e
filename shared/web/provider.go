package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
)

const (
	providerLife    = 10 * time.Minute // of a login at the provider
	providerPurpose = "provider"
	providerPath    = "/login/oidc/callback"
	providerCookie  = "login" // with a prefix over TLS, as the session's
)

// A Provider signs people in at another place, see package oidc.
type Provider interface {
	Begin(callback string) (address string, state []byte, err error)
	Finish(ctx context.Context, callback string, state []byte, query url.Values) (p identity.Proof, operator bool, err error)
}

var errNoProvider = fmt.Errorf("%w: nobody signs in here by an OpenID provider. If you run this server: set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET", chat.ErrForbidden)

// away is a login at the provider, which this browser began.
type away struct {
	Data json.RawMessage `json:"data"`
	Next string          `json:"next"`
}

// beginAway sends a browser to the provider. What it has to come back with is in
// a cookie, so that nobody is signed in by a link of somebody else.
func (s *Server) beginAway(w http.ResponseWriter, r *http.Request) error {
	if s.ways.Provider == nil {
		return errNoProvider
	}
	if err := s.allowLogin(r); err != nil {
		return err
	}
	address, data, err := s.ways.Provider.Begin(s.base(r) + providerPath)
	if err != nil {
		return err
	}
	sealed, err := s.cfg.Users.Seal(providerPurpose, providerLife, away{data, localPath(r.URL.Query().Get("next"))})
	if err != nil {
		return err
	}
	http.SetCookie(w, s.providerCookie(r, sealed, int(providerLife.Seconds())))
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// endAway signs in who comes back from the provider.
func (s *Server) endAway(w http.ResponseWriter, r *http.Request) error {
	if s.ways.Provider == nil {
		return errNoProvider
	}
	if err := s.allowLogin(r); err != nil {
		return err
	}
	var begun away
	cookie, err := r.Cookie(s.providerCookie(r, "", 0).Name)
	if err != nil || s.cfg.Users.Unseal(providerPurpose, cookie.Value, &begun) != nil {
		return identity.ErrSeal
	}
	http.SetCookie(w, s.providerCookie(r, "", -1)) // whatever comes of it
	p, operator, err := s.ways.Provider.Finish(r.Context(), s.base(r)+providerPath, begun.Data, r.URL.Query())
	if err != nil {
		return err
	}
	u, err := s.believe(r.Context(), p)
	if err != nil {
		return err
	}
	of, err := s.sessionFor(r, u, true)
	if err != nil {
		return err
	}
	of.Operator = operator
	if _, err := s.signIn(w, r, u, of); err != nil {
		return err
	}
	http.Redirect(w, r, localPath(begun.Next), http.StatusSeeOther)
	return nil
}

func (s *Server) providerCookie(r *http.Request, value string, age int) *http.Cookie {
	secure, name := s.secure(r), providerCookie
	if secure {
		name = "__Host-" + name
	}
	return &http.Cookie{Name: name, Value: value, MaxAge: age, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}
