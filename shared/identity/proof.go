package identity

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"confab/shared/chat"
)

// A Proof is what somebody whom the operator trusts says of a user: an OpenID
// provider, a proxy, another site.
type Proof struct {
	Issuer  string // who says it
	Subject string // who the user is there, the same at all times
	Name    string // by which they may be known here, if it is free

	Rooms []chat.RoomID // that they belong to
	Role  chat.Role     // in those rooms
}

// UserID is the id of the user whom a proof is about. It is the same on all
// servers and under all keys.
//
// Decision: it is made of issuer and subject alone, with nothing to be kept and
// no key whose loss would make everybody somebody else. So whoever guesses a
// subject can tell which user it is.
func (p Proof) UserID() string {
	sum := sha256.Sum256([]byte(strconv.Quote(p.Issuer) + " " + p.Subject))
	return userPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:userLetters]
}
