// Package oidc signs people in by an OpenID provider: the code flow with PKCE.
//
// It keeps nothing of a login under way. What has to come back travels with the
// browser as a state, which whoever calls signs.
package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const timeout = 5 * time.Second // of a request to the provider

// Config says which provider is trusted, and as whom it knows us.
type Config struct {
	Issuer, ClientID, ClientSecret string
	Scopes                         []string
	GroupsClaim                    string // where it says to which groups a user belongs
	Operators                      string // the group of those who run this server; empty: none
	Log                            *slog.Logger
}

// A Provider signs people in. Its methods are safe for concurrent use.
type Provider struct {
	cfg    Config
	client *http.Client

	mu         sync.Mutex
	discovered *oidc.Provider // nil until it answered
}

var (
	errRefused = fmt.Errorf("%w: the login at the other site did not come to its end: begin anew", chat.ErrUnauthorized)
	errAway    = fmt.Errorf("%w: the provider that signs people in here cannot be reached", chat.ErrUnavailable)
)

// New returns a provider. It asks the provider for nothing before somebody signs
// in, so that its outage stops no start.
func New(cfg Config) *Provider {
	return &Provider{cfg: cfg, client: &http.Client{Timeout: timeout}}
}

// A login is one under way.
type login struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

func (p *Provider) discover() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discovered != nil {
		return p.discovered, nil
	}
	// The provider fetches its keys by this context later, too.
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.cfg.Issuer)
	if err != nil {
		p.cfg.Log.Warn("the OpenID provider cannot be reached", "issuer", p.cfg.Issuer, "err", err)
		return nil, errAway
	}
	p.discovered = found
	return found, nil
}

func (p *Provider) config(at *oidc.Provider, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: at.Endpoint(), RedirectURL: callback, Scopes: p.cfg.Scopes,
	}
}

// Begin is where a browser goes to sign in, and the state to give to Finish when
// it comes back to callback.
func (p *Provider) Begin(callback string) (address string, state []byte, err error) {
	at, err := p.discover()
	if err != nil {
		return "", nil, err
	}
	l := login{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	state, err = json.Marshal(l)
	return p.config(at, callback).AuthCodeURL(l.State, oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier)), state, err
}

// Finish tells who signed in, and whether they run this server.
func (p *Provider) Finish(ctx context.Context, callback string, state []byte, query url.Values) (identity.Proof, bool, error) {
	at, err := p.discover()
	if err != nil {
		return identity.Proof{}, false, err
	}
	proof, operator, err := p.finish(oidc.ClientContext(ctx, p.client), at, callback, state, query)
	if err != nil {
		p.cfg.Log.Info("login by OpenID refused", "why", why(err))
		return identity.Proof{}, false, errRefused
	}
	return proof, operator, nil
}

func (p *Provider) finish(ctx context.Context, at *oidc.Provider, callback string, state []byte, query url.Values) (proof identity.Proof, operator bool, err error) {
	var l login
	if err := json.Unmarshal(state, &l); err != nil {
		return proof, false, err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(l.State), []byte(query.Get("state"))) != 1:
		return proof, false, errors.New("the state is another")
	case query.Has("iss") && query.Get("iss") != p.cfg.Issuer: // RFC 9207
		return proof, false, errors.New("the issuer is another")
	case query.Get("code") == "":
		return proof, false, errors.New("there is no code")
	}
	token, err := p.config(at, callback).Exchange(ctx, query.Get("code"), oauth2.VerifierOption(l.Verifier))
	if err != nil {
		return proof, false, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := at.Verifier(&oidc.Config{ClientID: p.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return proof, false, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(l.Nonce)) != 1 {
		return proof, false, errors.New("the nonce is another")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return proof, false, err
	}
	if claims["name"] == nil && claims["preferred_username"] == nil && at.UserInfoEndpoint() != "" {
		info, err := at.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err == nil && info.Subject != id.Subject {
			err = errors.New("the user is another")
		}
		if err == nil {
			err = info.Claims(&claims)
		}
		if err != nil {
			return proof, false, err
		}
	}
	return identity.Proof{Issuer: id.Issuer, Subject: id.Subject, Name: nameOf(claims)}, p.operates(claims), nil
}

// nameOf is what a user is called, by the first claim that says it.
func nameOf(claims map[string]any) string {
	for _, claim := range []string{"preferred_username", "nickname", "name"} {
		if name, _ := claims[claim].(string); name != "" {
			return name
		}
	}
	return ""
}

// operates reports whether a user is in the group of those who run this server.
func (p *Provider) operates(claims map[string]any) bool {
	if p.cfg.Operators == "" {
		return false
	}
	switch groups := claims[p.cfg.GroupsClaim].(type) {
	case string:
		return groups == p.cfg.Operators
	case []any:
		return slices.Contains(groups, any(p.cfg.Operators))
	}
	return false
}

// why is the reason without what the provider or the browser sent.
func why(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return "the provider refuses the code: " + refused.ErrorCode
	}
	return err.Error()
}
