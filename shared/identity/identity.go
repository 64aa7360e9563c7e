// Package identity turns a user into a signed token and back: a cookie for
// browsers, the same token as "Authorization: Bearer" for everything else.
//
// Only this package knows the keys, the form of the token, its expiry and how
// keys are rotated. It stores nothing: whoever holds a token is the user until
// it ends, or until its session was ended, which the store knows.
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

	purpose    = "session"        // the token's audience: a token for something else is not a session
	sealPrefix = "seal "          // of the audience of what is no session
	leeway     = 60 * time.Second // how far the clocks of two servers may be apart
	maxToken   = 2048             // bytes; ours have about 300, with the longest name 1,200

	userPrefix  = "u_"
	userLetters = 20 // 100 bits

	secureCookie = "__Host-session" // set over TLS: no other host can have set it
	plainCookie  = "session"
)

// ReturnWithin is how long after its end a session still proves who somebody
// was. With a session's 30 days it stays under the 400 days for which browsers
// keep a cookie at most.
const ReturnWithin = 365 * 24 * time.Hour

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
	// returning takes sessions that have expired, see Returning.
	returning *jwt.Parser
	now       func() time.Time
	cache     sessionCache
}

// claims are what a token says. Fields that we do not know are left alone.
type claims struct {
	jwt.RegisteredClaims
	Name       string `json:"name"`
	Operator   bool   `json:"operator,omitempty"` // the user runs the server
	Generation int    `json:"gen,omitempty"`
}

func (c claims) user() chat.User { return chat.User{ID: c.Subject, Name: c.Name} }

func (c claims) session() chat.Session {
	return chat.Session{ID: c.ID, Generation: c.Generation, Operator: c.Operator}
}

// New returns a signer of sessions that last life. The first key signs, all
// verify: to rotate, put a new key in front, and drop the old one when the
// sessions that it signed have ended.
//
// A token holds its end by the clock of the server that signed it. A server
// compares that with its own clock, and does not look at the beginning. So
// servers whose clocks differ by an hour disagree on that end by an hour, and
// on nothing else.
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
	s.parser, s.returning = s.newParser(purpose, leeway), s.newParser(purpose, ReturnWithin)
	return s, nil
}

// newParser makes a parser of tokens for a purpose that expired at most late
// ago.
func (s *Signer) newParser(purpose string, late time.Duration) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithAudience(purpose),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(late),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return s.now() }),
	)
}

// keyID names a key without revealing it.
func keyID(key []byte) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// NewUser makes a user with an id of its own.
func NewUser(name string) chat.User {
	return chat.User{ID: userPrefix + strings.ToLower(rand.Text()[:userLetters]), Name: name}
}

// NewSession makes a session with an id of its own, of a generation.
func NewSession(generation int) chat.Session {
	return chat.Session{ID: strings.ToLower(rand.Text()[:16]), Generation: generation} // 80 random bits
}

// Token returns a new session of the user as text.
func (s *Signer) Token(u chat.User) (string, error) { return s.TokenOf(u, NewSession(0)) }

// TokenOf returns a session of the user as text.
func (s *Signer) TokenOf(u chat.User, of chat.Session) (string, error) {
	now := s.now()
	return s.sign(claims{
		Name: u.Name, Operator: of.Operator, Generation: of.Generation,
		RegisteredClaims: jwt.RegisteredClaims{
			ID:        of.ID,
			Subject:   u.ID,
			Audience:  jwt.ClaimStrings{purpose},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.life)),
		},
	})
}

// sign makes a token of what it says.
func (s *Signer) sign(c jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	t.Header["kid"] = s.kid
	// This is what SignedString does. SignedString itself takes any signing
	// method, so the linker would keep those of RSA and of elliptic curves.
	text, err := t.SigningString()
	if err != nil {
		return "", err
	}
	mac, err := jwt.SigningMethodHS256.Sign(text, s.keys[s.kid])
	return text + "." + t.EncodeSegment(mac), err
}

// Cookie is a new session of the user as a cookie.
func (s *Signer) Cookie(u chat.User, secure bool) (*http.Cookie, error) {
	return s.CookieOf(u, NewSession(0), secure)
}

// CookieOf is a session of the user as a cookie. Secure says that the browser
// talks to us over TLS. The browser keeps it for longer than the session lasts,
// see [Signer.Returning].
func (s *Signer) CookieOf(u chat.User, of chat.Session, secure bool) (*http.Cookie, error) {
	token, err := s.TokenOf(u, of)
	if err != nil {
		return nil, fmt.Errorf("sign a session: %w", err)
	}
	return cookie(token, int((s.life + ReturnWithin).Seconds()), secure), nil
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
	u, _, err := s.Session(r, secure)
	return u, err
}

// Session is User, with the session by which the user is signed in. Whether that
// was ended the store knows.
func (s *Signer) Session(r *http.Request, secure bool) (chat.User, chat.Session, error) {
	token, err := tokenOf(r, secure)
	if err != nil {
		return chat.User{}, chat.Session{}, err
	}
	now, err := s.read(token)
	return now.user, now.of, err
}

// Returning returns the user of a session that is good, or that expired within
// the last [ReturnWithin]: proof enough to be the same user again, so that
// nobody is locked out by their own absence, unless the session was ended. It
// says nothing of what the user may do until they have signed in again.
func (s *Signer) Returning(r *http.Request, secure bool) (chat.User, chat.Session, bool) {
	token, err := tokenOf(r, secure)
	if err != nil {
		return chat.User{}, chat.Session{}, false
	}
	c, err := s.parse(s.returning, token)
	return c.user(), c.session(), err == nil
}

// Renew returns a new cookie for a request whose cookie has lived for more than
// half of a session's life, and nil for any other. A user who comes by now and
// then is never signed out.
func (s *Signer) Renew(r *http.Request, secure bool) (*http.Cookie, error) {
	c, err := r.Cookie(cookieName(secure))
	if err != nil {
		return nil, nil
	}
	now, err := s.read(c.Value)
	if err != nil || now.ends.Sub(s.now()) > s.life/2 {
		return nil, nil
	}
	return s.CookieOf(now.user, now.of, secure)
}

// tokenOf is the token that a request carries.
func tokenOf(r *http.Request, secure bool) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token), nil
	}
	c, err := r.Cookie(cookieName(secure))
	if err != nil {
		return "", ErrNone
	}
	return c.Value, nil
}

func (s *Signer) read(token string) (session, error) {
	if k, ok := s.cache.get(token); ok {
		if !s.now().Before(k.ends) {
			return session{}, errExpired
		}
		return k, nil
	}
	c, err := s.parse(s.parser, token)
	if err != nil {
		return session{}, err
	}
	k := session{c.user(), c.session(), c.ExpiresAt.Add(leeway)}
	s.cache.put(token, k)
	return k, nil
}

// parse returns what a token says, if it is signed by one of our keys and has
// not expired by the parser's leeway.
func (s *Signer) parse(by *jwt.Parser, token string) (c claims, err error) {
	err = s.verify(by, token, &c)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return claims{}, errExpired
	case err != nil || c.Subject == "" || c.Name == "":
		return claims{}, errForged
	}
	return c, nil
}

// verify reads a token that one of our keys signed.
func (s *Signer) verify(by *jwt.Parser, token string, c jwt.Claims) error {
	if len(token) > maxToken || strings.ContainsFunc(token, foreign) {
		return errForged
	}
	_, err := by.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key, ok := s.keys[kid]; ok {
			return key, nil
		}
		return nil, errForged
	})
	return err
}

// foreign reports whether r is outside base64url and '.': Go's decoder skips
// line breaks, and a token has one spelling only.
func foreign(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
}
