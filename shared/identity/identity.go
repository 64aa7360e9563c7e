// Package identity turns a user into a signed token and back: a cookie for
// browsers, the same token as "Authorization: Bearer" for everything else.
//
// It alone knows the keys, the form of the token, its expiry and how keys are
// rotated. It stores nothing: whoever holds a token is the user until it ends.
package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"confab/shared/chat"

	"github.com/golang-jwt/jwt/v5"
)

const (
	MinKey = 32 // bytes of a key: as many as HS256 has bits for

	purpose  = "session"        // the token's audience: a token for something else is not a session
	leeway   = 60 * time.Second // how far the clocks of two servers may be apart
	maxToken = 2048             // bytes; ours have about 300, with the longest name 1,200

	secureCookie = "__Host-session" // set over TLS: no other host can have set it
	plainCookie  = "session"
)

// ErrNone says that a request carries no session at all, good or bad.
var ErrNone = fmt.Errorf("%w: say your name first", chat.ErrUnauthorized)

var (
	errForged  = fmt.Errorf("%w: the session is not valid", chat.ErrUnauthorized)
	errExpired = fmt.Errorf("%w: the session has expired", chat.ErrUnauthorized)
)

// A Signer makes and reads sessions. Its methods are safe for concurrent use.
type Signer struct {
	life   time.Duration
	kid    string            // of the key that signs
	keys   map[string][]byte // that verify, by kid
	parser *jwt.Parser
	now    func() time.Time
	cache  sessionCache
}

// claims are what a token says. Fields that we do not know are left alone.
type claims struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

// New returns a signer of sessions that last life. The first key signs, all
// verify: to rotate, put a new key in front, and drop the old one when the
// sessions that it signed have ended.
//
// A token says when it ends by the clock that signed it, and is asked by the
// clock that reads it; when it began is not asked. So servers whose clocks
// differ by an hour disagree on that end by an hour, and on nothing else.
func New(life time.Duration, keys ...[]byte) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errors.New("identity: no key")
	}
	s := &Signer{life: life, kid: keyID(keys[0]), keys: map[string][]byte{}, now: time.Now}
	for i, key := range keys {
		if len(key) < MinKey {
			return nil, fmt.Errorf("identity: key %d has %d bytes, the least is %d", i+1, len(key), MinKey)
		}
		s.keys[keyID(key)] = key
	}
	s.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithAudience(purpose),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return s.now() }),
	)
	return s, nil
}

// keyID names a key without revealing it.
func keyID(key []byte) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// NewUser makes a user with an id of its own.
func NewUser(name string) chat.User {
	return chat.User{ID: "u_" + strings.ToLower(rand.Text()[:20]), Name: name} // 100 random bits
}

// Token returns the user's session as text.
func (s *Signer) Token(u chat.User) (string, error) {
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Name: u.Name,
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   u.ID,
			Audience:  jwt.ClaimStrings{purpose},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.life)),
		},
	})
	t.Header["kid"] = s.kid
	// What SignedString does, but it asks for any method to sign, which has
	// the linker keep those of RSA and of elliptic curves.
	text, err := t.SigningString()
	if err != nil {
		return "", err
	}
	mac, err := jwt.SigningMethodHS256.Sign(text, s.keys[s.kid])
	return text + "." + t.EncodeSegment(mac), err
}

// Cookie is the user's session as a cookie. Secure says that the browser
// talks to us over TLS.
func (s *Signer) Cookie(u chat.User, secure bool) (*http.Cookie, error) {
	token, err := s.Token(u)
	if err != nil {
		return nil, fmt.Errorf("sign a session: %w", err)
	}
	return cookie(token, int(s.life.Seconds()), secure), nil
}

// Clear is a cookie that ends the session in the browser.
func (s *Signer) Clear(secure bool) *http.Cookie { return cookie("", -1, secure) }

func cookie(value string, age int, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(secure), Value: value, MaxAge: age,
		Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// User returns the user who sent a request, by its bearer token or else by the
// cookie that Cookie makes. It fails with [ErrNone] when the request carries neither,
// and with another [chat.ErrUnauthorized] when what it carries is not good.
//
// Decision: over TLS the cookie without the prefix does not count. A
// neighbouring host may set one for the whole domain, and have people speak
// under a name that they did not choose.
func (s *Signer) User(r *http.Request, secure bool) (chat.User, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return s.read(strings.TrimSpace(token))
	}
	c, err := r.Cookie(cookieName(secure))
	if err != nil {
		return chat.User{}, ErrNone
	}
	return s.read(c.Value)
}

func (s *Signer) read(token string) (chat.User, error) {
	if len(token) > maxToken || strings.ContainsFunc(token, foreign) {
		return chat.User{}, errForged
	}
	if k, ok := s.cache.get(token); ok {
		if !s.now().Before(k.ends) {
			return chat.User{}, errExpired
		}
		return k.user, nil
	}
	var c claims
	_, err := s.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key, ok := s.keys[kid]; ok {
			return key, nil
		}
		return nil, errForged
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return chat.User{}, errExpired
	case err != nil || c.Subject == "" || c.Name == "":
		return chat.User{}, errForged
	}
	u := chat.User{ID: c.Subject, Name: c.Name}
	s.cache.put(token, session{u, c.ExpiresAt.Add(leeway)})
	return u, nil
}

// foreign reports whether r is outside base64url and '.': Go's decoder skips
// line breaks, and a token has one spelling only.
func foreign(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
}
