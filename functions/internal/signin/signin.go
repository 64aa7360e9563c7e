// Package signin puts together the ways to sign in that an operator chose.
package signin

import (
	"log/slog"

	"confab/shared/account"
	"confab/shared/account/oidc"
	"confab/shared/account/passkey"
	"confab/shared/account/site"
	"confab/shared/app"
	"confab/shared/nickname"
	"confab/shared/web"
)

// Ways are what the routes of the session need.
func Ways(cfg app.Config, log *slog.Logger) web.Ways {
	ways := web.Ways{Name: nickname.Parse, QR: account.QR, Device: account.Device, Passkeys: passkey.Keys{}}
	if in := cfg.SignIn; in.Issuer != "" {
		ways.Provider = oidc.New(oidc.Config{
			Issuer: in.Issuer, ClientID: in.ClientID, ClientSecret: in.ClientSecret, Scopes: in.Scopes,
			GroupsClaim: in.GroupsClaim, Operators: in.Operators, Log: log,
		})
	}
	if cfg.SignIn.TakesSite() {
		ways.Site = site.New(site.Config{
			Keys: cfg.SignIn.Keys(), JWKS: cfg.SignIn.SiteJWKS, Issuer: cfg.SignIn.SiteIssuer, Audience: cfg.SignIn.SiteAudience, Log: log,
		}).Proof
	}
	return ways
}
