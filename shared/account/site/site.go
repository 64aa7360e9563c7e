// Package site reads the tokens by which another site signs its own users in
// here: JWTs that it signs with a key that both know (HS256), or with one that
// it publishes (JWKS).
package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	// MaxLife is how long a token may be good: a link with one in it does not
	// stay a key for ever.
	MaxLife = 10 * time.Minute

	leeway   = 60 * time.Second // how far the clocks of the two may be apart
	maxToken = 8 << 10          // bytes
	maxRooms = 32

	fetchTimeout = 3 * time.Second
	fetchEvery   = 10 * time.Second // at most, for a key that is not known yet
	fetchBurst   = 3
	refreshEvery = time.Hour
)

// issuer is what all of them are known by, whatever a token says of itself: there
// is one site.
const issuer = "site"

// Config says whose tokens are believed.
type Config struct {
	Keys     [][]byte // that both know
	JWKS     string   // where the site publishes its keys; empty: nowhere
	Issuer   string   // that a token has to name; empty: any
	Audience string   // that a token has to be for
	Log      *slog.Logger
}

// A Site reads tokens. Its methods are safe for concurrent use.
type Site struct {
	cfg       Config
	shared    jwt.VerificationKeySet
	published func() (keyfunc.Keyfunc, error)
	client    *http.Client
	parser    *jwt.Parser
}

var (
	hmac       = []string{jwt.SigningMethodHS256.Alg()}
	asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

// errRefused is all that a client learns.
var errRefused = fmt.Errorf("%w: the site’s token is not good: go back to the site, and come from there again", chat.ErrUnauthorized)

// New returns a reader of a site's tokens. It fetches no key before one is
// needed.
func New(cfg Config) *Site {
	s := &Site{cfg: cfg, client: &http.Client{Timeout: fetchTimeout}}
	var methods []string
	if len(cfg.Keys) > 0 {
		methods = append(methods, hmac...)
	}
	if cfg.JWKS != "" {
		methods = append(methods, asymmetric...)
	}
	for _, key := range cfg.Keys {
		s.shared.Keys = append(s.shared.Keys, key)
	}
	s.published = sync.OnceValues(s.fetch)
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithAudience(cfg.Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
	}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	s.parser = jwt.NewParser(options...)
	return s
}

// fetch prepares the published keys. They are fetched anew every hour, and when
// a token names one that is not known.
func (s *Site) fetch() (keyfunc.Keyfunc, error) {
	return keyfunc.NewDefaultOverrideCtx(context.Background(), []string{s.cfg.JWKS}, keyfunc.Override{
		Client: s.client, HTTPTimeout: fetchTimeout, RefreshInterval: refreshEvery, RateLimitWaitMax: time.Millisecond,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(fetchEvery), fetchBurst),
		RefreshErrorHandlerFunc: func(url string) func(context.Context, error) {
			return func(_ context.Context, err error) {
				s.cfg.Log.Warn("the site's keys cannot be fetched, its users cannot sign in", "url", url, "err", err)
			}
		},
	})
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Name  string   `json:"name"`
	Rooms []string `json:"rooms"`
	Role  string   `json:"role"`
}

// Proof reads a token. It fails with [chat.ErrUnauthorized].
func (s *Site) Proof(ctx context.Context, token string) (identity.Proof, error) {
	var c claims
	err := s.parse(ctx, token, &c)
	var proof identity.Proof
	if err == nil {
		proof, err = c.proof()
	}
	if err != nil {
		s.cfg.Log.Info("site's token refused", "why", reason(err))
		return identity.Proof{}, errRefused
	}
	return proof, nil
}

func (s *Site) parse(ctx context.Context, token string, c *claims) error {
	if len(token) > maxToken {
		return errors.New("it is too long")
	}
	_, err := s.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		if t.Method.Alg() == jwt.SigningMethodHS256.Alg() {
			return s.shared, nil
		}
		published, err := s.published()
		if err != nil {
			return nil, err
		}
		return published.KeyfuncCtx(ctx)(t)
	})
	if err == nil && time.Until(c.ExpiresAt.Time) > MaxLife+leeway {
		err = fmt.Errorf("it is good for more than %v", MaxLife)
	}
	return err
}

func (c claims) proof() (p identity.Proof, err error) {
	if c.Subject == "" {
		return p, errors.New("it says no sub")
	}
	if len(c.Rooms) > maxRooms {
		return p, fmt.Errorf("it names %d rooms, the limit is %d", len(c.Rooms), maxRooms)
	}
	p = identity.Proof{Issuer: issuer, Subject: c.Subject, Name: c.Name, Role: chat.Member}
	for _, name := range c.Rooms {
		room, err := chat.ParseRoom(name)
		if err != nil {
			return p, errors.New("it names a room that none can be called")
		}
		p.Rooms = append(p.Rooms, room)
	}
	if c.Role != "" {
		if p.Role, err = chat.ParseRole(c.Role); err != nil || p.Role > chat.Owner {
			return p, errors.New("its role is none of member, moderator and owner")
		}
	}
	return p, nil
}

// reason is why a token was refused, without anything that it holds.
func reason(err error) string {
	for _, known := range []error{
		jwt.ErrTokenMalformed, jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidAudience,
		jwt.ErrTokenInvalidIssuer, jwt.ErrTokenRequiredClaimMissing, jwkset.ErrKeyNotFound, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenUnverifiable,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}
