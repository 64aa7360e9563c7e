// Package passkey makes and checks passkeys (WebAuthn): an authenticator, in the
// device or beside it, holds a key for this site and tells by it who its user is.
//
// It keeps nothing. What a browser has to answer travels with it as a state,
// which whoever calls signs.
package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

var errNoHost = fmt.Errorf("%w: passkeys need a host name and HTTPS here: this address has none", chat.ErrForbidden)

func refuse(err error) error {
	why := "malformed"
	if p, ok := errors.AsType[*protocol.Error](err); ok {
		why = p.Type + ": " + p.Details
	}
	return &identity.Refusal{Why: why}
}

func open(at identity.Website) (*webauthn.WebAuthn, error) {
	required := true
	w, err := webauthn.New(&webauthn.Config{
		RPID: at.Host, RPDisplayName: "Confab", RPOrigins: []string{at.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &required,
			UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, errNoHost
	}
	return w, nil
}

// An owner is a user with keys, as the library sees it.
type owner struct {
	user chat.User
	keys []identity.Key
}

func (o owner) WebAuthnID() []byte          { return []byte(o.user.ID) }
func (o owner) WebAuthnName() string        { return o.user.Name }
func (o owner) WebAuthnDisplayName() string { return o.user.Name }

func (o owner) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(o.keys))
	for i, k := range o.keys {
		all[i] = webauthn.Credential{
			ID: k.ID, PublicKey: k.Public, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
			Authenticator: webauthn.Authenticator{SignCount: k.Count},
		}
		for _, t := range k.Transports {
			all[i].Transport = append(all[i].Transport, protocol.AuthenticatorTransport(t))
		}
	}
	return all
}

// Keys makes and checks passkeys.
type Keys struct{}

// Begin says what the browser of a user needs to make a key, and the state to
// give to Make with its answer. The keys that the user has are not made again.
func (Keys) Begin(at identity.Website, u chat.User, have []identity.Key) (options any, state []byte, err error) {
	w, err := open(at)
	if err != nil {
		return nil, nil, err
	}
	o := owner{u, have}
	creation, data, err := w.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, nil, errNoHost
	}
	state, err = json.Marshal(data)
	return creation.Response, state, err
}

// Make reads the key that a browser made.
func (Keys) Make(at identity.Website, u chat.User, state, answer []byte) (k identity.Key, err error) {
	w, data, err := resume(at, state)
	if err != nil {
		return k, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return k, refuse(err)
	}
	c, err := w.CreateCredential(owner{user: u}, data, parsed)
	if err != nil {
		return k, refuse(err)
	}
	k = identity.Key{
		ID: c.ID, Public: c.PublicKey, Count: c.Authenticator.SignCount, Flags: byte(c.Flags.ProtocolValue()), Made: time.Now().Unix(),
	}
	for _, t := range c.Transport {
		k.Transports = append(k.Transports, string(t))
	}
	return k, nil
}

// Ask says what a browser needs to show a key, whoever's it is, and the state to
// give to Check with its answer.
func (Keys) Ask(at identity.Website) (options any, state []byte, err error) {
	w, err := open(at)
	if err != nil {
		return nil, nil, err
	}
	assertion, data, err := w.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, errNoHost
	}
	state, err = json.Marshal(data)
	return assertion.Response, state, err
}

// Check tells whose key a browser showed, and returns the key as it is to be
// kept from now on. Find gives the keys of a user.
func (Keys) Check(at identity.Website, state, answer []byte, find func(user string) ([]identity.Key, error)) (user string, k identity.Key, err error) {
	w, data, err := resume(at, state)
	if err != nil {
		return "", k, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", k, refuse(err)
	}
	var broken error // of find
	o, c, err := w.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		keys, err := find(string(handle))
		broken = err
		return owner{chat.User{ID: string(handle)}, keys}, err
	}, data, parsed)
	switch {
	case broken != nil:
		return "", k, broken
	case err != nil:
		return "", k, refuse(err)
	case c.Authenticator.CloneWarning:
		return "", k, &identity.Refusal{Why: "the counter did not rise: the key may have been copied"}
	}
	for _, k = range o.(owner).keys {
		if string(k.ID) == string(c.ID) {
			break
		}
	}
	k.Count, k.Flags, k.Used = c.Authenticator.SignCount, byte(c.Flags.ProtocolValue()), time.Now().Unix()
	return string(o.WebAuthnID()), k, nil
}

func resume(at identity.Website, state []byte) (w *webauthn.WebAuthn, data webauthn.SessionData, err error) {
	if w, err = open(at); err == nil {
		err = json.Unmarshal(state, &data)
	}
	return w, data, err
}
