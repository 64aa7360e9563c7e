package app

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"confab/shared/web"
)

// SignIn is how people may say who they are.
type SignIn struct {
	Mode string `env:"SIGN_IN" envDefault:"name"` // name, known, oidc or site

	SiteKeys     []string `env:"SITE_KEYS"`                         // that another site signs its tokens with; at least 32 bytes each
	SiteJWKS     string   `env:"SITE_JWKS"`                         // where it publishes its keys
	SiteIssuer   string   `env:"SITE_ISSUER"`                       // that its tokens name; empty: any
	SiteAudience string   `env:"SITE_AUDIENCE" envDefault:"confab"` // that they are for
	Issuer       string   `env:"OIDC_ISSUER"`                       // of an OpenID provider that is trusted
	ClientID     string   `env:"OIDC_CLIENT_ID"`                    // as whom it knows us
	ClientSecret string   `env:"OIDC_CLIENT_SECRET"`                // by which it knows that it is us
	Scopes       []string `env:"OIDC_SCOPES" envDefault:"openid,profile"`
	GroupsClaim  string   `env:"OIDC_GROUPS_CLAIM" envDefault:"groups"`
	Operators    string   `env:"OIDC_OPERATORS"` // the group of those who run this server
	UserHeader   string   `env:"USER_HEADER"`    // in which a trusted proxy says who sends a request
}

// TakesSite reports whether the tokens of another site are taken.
func (s SignIn) TakesSite() bool { return len(s.SiteKeys) > 0 || s.SiteJWKS != "" }

// Keys are those that the site signs with.
func (s SignIn) Keys() (keys [][]byte) {
	for _, key := range s.SiteKeys {
		keys = append(keys, []byte(strings.TrimSpace(key)))
	}
	return keys
}

// ways are those that are offered, the first one first.
func (s SignIn) ways() []string {
	switch s.Mode {
	case "site":
		return []string{web.BySite}
	case "oidc":
		return []string{web.ByProvider}
	}
	var ways []string
	if s.Mode != "known" {
		ways = append(ways, web.ByName)
	}
	if s.Issuer != "" {
		ways = append(ways, web.ByProvider)
	}
	ways = append(ways, web.ByPasskey)
	if s.TakesSite() {
		ways = append(ways, web.BySite)
	}
	return ways
}

func (s SignIn) check(c Config) error {
	switch s.Mode {
	case "name", "known", "oidc", "site":
	default:
		return fmt.Errorf("SIGN_IN is %q: it may be name, known, oidc or site", s.Mode)
	}
	for _, key := range s.SiteKeys {
		if len(strings.TrimSpace(key)) < keyBytes {
			return fmt.Errorf("SITE_KEYS has a key of %d bytes: each needs at least %d", len(strings.TrimSpace(key)), keyBytes)
		}
	}
	switch u, err := url.Parse(s.SiteJWKS); {
	case s.SiteJWKS != "" && (err != nil || u.Scheme != "https" && !isLocal(u) || u.Host == ""):
		return fmt.Errorf("SITE_JWKS is %q: it is the address of the site's keys, as https://www.example.org/jwks.json", s.SiteJWKS)
	case s.Mode == "oidc" && s.Issuer == "":
		return errors.New("SIGN_IN is oidc: set OIDC_ISSUER, the address of the provider, as https://accounts.example.org")
	case s.Issuer != "" && (s.ClientID == "" || c.PublicOrigin == ""):
		return errors.New("OIDC_ISSUER is set: set OIDC_CLIENT_ID too, and PUBLIC_ORIGIN, to which the provider sends people back")
	case s.Mode == "site" && !s.TakesSite():
		return errors.New("SIGN_IN is site: set SITE_KEYS, or SITE_JWKS, by which the site's tokens are known")
	case s.UserHeader != "" && len(c.TrustedProxies) == 0:
		return errors.New("USER_HEADER is set: name the proxy that sends it in TRUSTED_PROXIES, for it is believed from no other")
	}
	return nil
}

// isLocal reports whether an address is on this machine, where nobody listens in.
func isLocal(u *url.URL) bool {
	return u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}
