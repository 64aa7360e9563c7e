package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"

	"confab/shared/chat"
)

// An Account is what is kept of a user who owns a name, so that they are known
// again on any device.
type Account struct {
	Name     string `json:"name"`
	Keys     []Key  `json:"keys,omitempty"`
	Recovery []byte `json:"recovery,omitempty"` // the hash of a code that lets the user in once
}

// A Key is a passkey: the public half of a key that an authenticator keeps.
type Key struct {
	ID         []byte   `json:"id"`
	Public     []byte   `json:"public"` // COSE
	Count      uint32   `json:"count,omitempty"`
	Flags      byte     `json:"flags,omitempty"` // as the authenticator sent them
	Transports []string `json:"transports,omitempty"`
	Label      string   `json:"label,omitempty"` // what the user calls it
	Made       int64    `json:"made"`            // Unix seconds
	Used       int64    `json:"used,omitempty"`
}

// ReadAccount reads what Encode wrote. Nothing is the zero account.
func ReadAccount(b []byte) (a Account, err error) {
	if len(b) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("read an account: %w", err)
	}
	return a, nil
}

// Encode is the account as it is kept.
func (a Account) Encode() []byte { return chat.JSON(a) }

// NewRecovery gives the account a new code, which only the user has, in the
// place of the one of before.
func (a *Account) NewRecovery(user string) (code string) {
	secret := strings.ToLower(rand.Text()) // 130 random bits
	sum := sha256.Sum256([]byte(secret))
	a.Recovery = sum[:]
	return strings.TrimPrefix(user, userPrefix) + "-" + secret
}

// Recovers reports whether a code's secret is the account's.
func (a Account) Recovers(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return len(a.Recovery) > 0 && subtle.ConstantTimeCompare(sum[:], a.Recovery) == 1
}

// ReadRecovery tells whose code it is, as it was typed, and its secret.
func ReadRecovery(code string) (user, secret string, ok bool) {
	code = strings.ToLower(strings.Join(strings.Fields(code), ""))
	user, secret, ok = strings.Cut(code, "-")
	return userPrefix + user, secret, ok && len(user) == userLetters && secret != ""
}

// A Website is this site as browsers know it.
type Website struct {
	Origin string // as https://chat.example.org
	Host   string // for which passkeys are made
}

// A Refusal is why a passkey was not accepted. Why is for the log, and holds
// nothing of what was sent.
type Refusal struct{ Why string }

var errRefused = fmt.Errorf("%w: the passkey was not accepted: try again, or sign in another way", chat.ErrUnauthorized)

func (r *Refusal) Error() string { return errRefused.Error() }
func (r *Refusal) Unwrap() error { return errRefused }
