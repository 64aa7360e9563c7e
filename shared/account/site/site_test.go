package site_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/account/site"
	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

var shared = bytes.Repeat([]byte("s"), 32)

// good are the claims of a good token.
func good() jwt.MapClaims {
	return jwt.MapClaims{"sub": "7", "name": "Ann", "aud": "confab", "iss": "https://www.example.org", "exp": time.Now().Add(time.Minute).Unix()}
}

func with(change func(jwt.MapClaims)) jwt.MapClaims {
	c := good()
	change(c)
	return c
}

func sign(tb testing.TB, method jwt.SigningMethod, key any, head map[string]any, c jwt.MapClaims) string {
	tb.Helper()
	t := jwt.NewWithClaims(method, c)
	for name, value := range head {
		t.Header[name] = value
	}
	text, err := t.SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func open(change func(*site.Config)) (*site.Site, *bytes.Buffer) {
	var log bytes.Buffer
	cfg := site.Config{Keys: [][]byte{shared}, Issuer: "https://www.example.org", Audience: "confab", Log: slog.New(slog.NewTextHandler(&log, nil))}
	if change != nil {
		change(&cfg)
	}
	return site.New(cfg), &log
}

func TestTokenProvesWhoSomebodyIs(t *testing.T) {
	s, _ := open(nil)
	token := sign(t, jwt.SigningMethodHS256, shared, nil, with(func(c jwt.MapClaims) { c["rooms"], c["role"] = []string{"ops", "lobby"}, "moderator" }))
	want := identity.Proof{Issuer: "site", Subject: "7", Name: "Ann", Rooms: []chat.RoomID{"ops", "lobby"}, Role: chat.Moderator}
	for range 2 { // to show it again does no harm
		if got, err := s.Proof(t.Context(), token); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestBadTokensAreRefused(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	hs := func(change func(jwt.MapClaims)) string {
		return sign(t, jwt.SigningMethodHS256, shared, nil, with(change))
	}
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good())
	whole := hs(func(jwt.MapClaims) {})
	jwks := newPublisher(t)
	jwks.publish(t, "one", key)
	withKeys, log := open(func(c *site.Config) { c.JWKS = jwks.URL })
	onlyKeys, _ := open(func(c *site.Config) { c.Keys, c.JWKS = nil, jwks.URL })
	for name, token := range map[string]string{
		"nothing":           "",
		"no token":          "a.b.c",
		"alg none":          none,
		"alg None":          strings.Replace(none, none[:strings.Index(none, ".")], "eyJhbGciOiJOb25lIn0", 1),
		"cut":               whole[:len(whole)-2],
		"long":              whole + strings.Repeat("a", 9000),
		"another key":       sign(t, jwt.SigningMethodHS256, bytes.Repeat([]byte("x"), 32), nil, good()),
		"HS512":             sign(t, jwt.SigningMethodHS512, shared, nil, good()),
		"public key as key": sign(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), map[string]any{"kid": "one"}, good()),
		"unknown kid":       sign(t, jwt.SigningMethodES256, key, map[string]any{"kid": "two"}, good()),
		"kid is a path":     sign(t, jwt.SigningMethodES256, key, map[string]any{"kid": "../../dev/null"}, good()),
		"kid is a number":   sign(t, jwt.SigningMethodES256, key, map[string]any{"kid": 1}, good()),
		"kid of another":    sign(t, jwt.SigningMethodES256, newKey(t), map[string]any{"kid": "one"}, good()),
		"key in the head":   sign(t, jwt.SigningMethodES256, newKey(t), map[string]any{"kid": "x", "jku": jwks.URL, "jwk": map[string]string{"kty": "EC"}}, good()),
		"no end":            hs(func(c jwt.MapClaims) { delete(c, "exp") }),
		"expired":           hs(func(c jwt.MapClaims) { c["exp"] = in(-2 * time.Minute) }),
		"good for an hour":  hs(func(c jwt.MapClaims) { c["exp"] = in(time.Hour) }),
		"not yet":           hs(func(c jwt.MapClaims) { c["nbf"] = in(5 * time.Minute) }),
		"of tomorrow":       hs(func(c jwt.MapClaims) { c["iat"] = in(24 * time.Hour) }),
		"foreign issuer":    hs(func(c jwt.MapClaims) { c["iss"] = "https://evil.example" }),
		"no issuer":         hs(func(c jwt.MapClaims) { delete(c, "iss") }),
		"foreign audience":  hs(func(c jwt.MapClaims) { c["aud"] = "another" }),
		"no audience":       hs(func(c jwt.MapClaims) { delete(c, "aud") }),
		"nobody":            hs(func(c jwt.MapClaims) { delete(c, "sub") }),
		"operator":          hs(func(c jwt.MapClaims) { c["role"] = "operator" }),
		"no room":           hs(func(c jwt.MapClaims) { c["rooms"] = []string{"no such/room"} }),
		"many rooms":        hs(func(c jwt.MapClaims) { c["rooms"] = strings.Split(strings.Repeat("a,", 40), ",") }),
	} {
		for _, s := range []*site.Site{withKeys, onlyKeys} {
			if p, err := s.Proof(t.Context(), token); !errors.Is(err, chat.ErrUnauthorized) || p.Subject != "" {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		if token != "" && strings.Contains(log.String(), token) || strings.Contains(log.String(), "Ann") {
			t.Errorf("%s: the log holds what the token says: %s", name, log)
		}
	}
	if _, err := onlyKeys.Proof(t.Context(), whole); err == nil {
		t.Error("a token of a shared key is taken where there is none")
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// A publisher is where a site publishes its keys.
type publisher struct {
	*httptest.Server
	keys atomic.Pointer[[]byte] // nil: it is down
}

func newPublisher(tb testing.TB) *publisher {
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		keys := p.keys.Load()
		if keys == nil {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		w.Write(*keys)
	}))
	tb.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(tb testing.TB, kid string, key *ecdsa.PrivateKey) {
	tb.Helper()
	jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
	if err != nil {
		tb.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{"keys": []any{jwk.Marshal()}})
	if err != nil {
		tb.Fatal(err)
	}
	p.keys.Store(&b)
}

func TestPublishedKeysMayBeDownAndMayChange(t *testing.T) {
	jwks := newPublisher(t)
	s, log := open(func(c *site.Config) { c.Keys, c.JWKS = nil, jwks.URL })
	first, second := newKey(t), newKey(t)
	by := func(kid string, key *ecdsa.PrivateKey) error {
		_, err := s.Proof(t.Context(), sign(t, jwt.SigningMethodES256, key, map[string]any{"kid": kid}, good()))
		return err
	}
	if err := by("one", first); !errors.Is(err, chat.ErrUnauthorized) || !strings.Contains(log.String(), "cannot be fetched") {
		t.Errorf("while the keys cannot be fetched: %v; the log: %s", err, log)
	}
	jwks.publish(t, "one", first)
	if err := by("one", first); err != nil {
		t.Errorf("as soon as they can: %v", err)
	}
	jwks.keys.Store(nil)
	if err := by("one", first); err != nil {
		t.Errorf("a known key while they cannot: %v", err)
	}
	jwks.publish(t, "two", second)
	if err := by("two", second); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if err := by("one", first); !errors.Is(err, chat.ErrUnauthorized) {
		t.Errorf("a key that is published no more: %v", err)
	}
}
