package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"confab/shared/chat"

	"github.com/golang-jwt/jwt/v5"
)

// ErrSeal refuses a text that was not sealed here for the purpose, or too long
// ago.
var ErrSeal = fmt.Errorf("%w: this took too long, or was begun elsewhere: begin anew", chat.ErrUnauthorized)

type sealed struct {
	jwt.RegisteredClaims
	Value json.RawMessage `json:"value"`
}

// Seal signs a value that comes back to us by way of a browser, which may read
// it and cannot change it. It is good for a purpose and so long.
func (s *Signer) Seal(purpose string, life time.Duration, value any) (string, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("seal for %s: %w", purpose, err)
	}
	now := s.now()
	return s.sign(sealed{Value: b, RegisteredClaims: jwt.RegisteredClaims{
		Audience: jwt.ClaimStrings{sealPrefix + purpose}, ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	}})
}

// Unseal reads a value that Seal signed for the same purpose into a pointer. It
// fails with [ErrSeal].
func (s *Signer) Unseal(purpose, text string, value any) error {
	var c sealed
	parser := s.newParser(sealPrefix+purpose, leeway)
	if err := s.verify(parser, text, &c); err != nil {
		return ErrSeal
	}
	if err := json.Unmarshal(c.Value, value); err != nil {
		return errors.Join(ErrSeal, err)
	}
	return nil
}
