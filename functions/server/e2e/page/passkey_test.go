package page_test

import (
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
)

// An authenticator is Chromium's virtual one, in one window.
type authenticator struct {
	w  *window
	id webauthn.AuthenticatorID
}

func newAuthenticator(w *window) authenticator {
	w.tb.Helper()
	send(w, webauthn.Enable, webauthn.EnableParams{})
	made := send(w, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return authenticator{w, made.AuthenticatorID}
}

// keys are those that it keeps.
func (a authenticator) keys() []*webauthn.Credential {
	a.w.tb.Helper()
	return send(a.w, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// add puts a key into it, as a password manager does on another device. The
// generated command says more than this authenticator knows.
func (a authenticator) add(key *webauthn.Credential) {
	a.w.tb.Helper()
	send(a.w, cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential}, map[string]any{
		"authenticatorId": a.id, "credential": map[string]any{
			"credentialId": key.CredentialID, "isResidentCredential": true, "rpId": key.RpID, "privateKey": key.PrivateKey,
			"userHandle": key.UserHandle, "signCount": key.SignCount,
		},
	})
}

func TestPasskeyKeepsTheNameOnAnyDevice(t *testing.T) {
	t.Parallel()
	s := process.Start(t)
	url := strings.Replace(s.URL, "127.0.0.1", "localhost", 1) // a passkey belongs to a name
	laptop := visit(t, url).join("ann")
	first := newAuthenticator(laptop)
	laptop.tells("before")
	laptop.run(`document.querySelector(".bar__settings").click(), document.querySelector(".dialog__passkey").click()`)
	laptop.await("the sheet", `document.querySelector('.sheet .button')`)
	laptop.run(`document.querySelector('.sheet .button').click()`)
	laptop.await("the passkey", `document.querySelector('.passkeys__one')`)
	code := eval[string](laptop, `document.querySelector('.passkeys__code code').innerText`)
	keys := first.keys()
	if len(keys) != 1 || len(code) < 40 {
		t.Fatalf("%d keys were made, and the code %q", len(keys), code)
	}
	laptop.run(`document.querySelector('.sheet .button').click()`)
	laptop.await("that it is there", `document.querySelector('.passkeys__problem').innerText.includes('already')`)
	laptop.setCut(true)                               // what it asks for is refused from now on
	laptop.run(`fetch('/login', {method: 'DELETE'})`) // away

	stranger := visit(t, url, func(w *window) { w.setCut(true) })
	stranger.run(`document.querySelector('.login__name').value = 'Ann', document.querySelector('.login__join').click()`)
	stranger.await("that the name is another's", `document.querySelector('.login__error').innerText.length > 0`)

	phone := visit(t, url)
	newAuthenticator(phone).add(keys[0])
	phone.await("the way in", `!document.querySelector('.login__passkey').hidden`)
	phone.run(`document.querySelector('.login__passkey').click()`)
	phone.awaitRoom()
	phone.await("one's own line", lineWith("before")+`?.matches('.line--mine')`)
	phone.tells("from the phone")

	lost := visit(t, url)
	lost.run(`fetch('/login', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({recovery: '` + code + `'})})
		.then(r => r.json()).then(a => { window.letIn = a.user.name })`)
	lost.await("the recovery code", `window.letIn === 'ann'`)
}

func TestNameHasToBeProvenByAPasskey(t *testing.T) {
	t.Parallel()
	s := process.Start(t, "SIGN_IN=known")
	url := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	w := visit(t, url)
	a := newAuthenticator(w)
	w.await("the way in", `!document.querySelector('.login__passkey').hidden`)
	w.run(`document.querySelector('.login__name').value = 'Ann', document.querySelector('.login__join').click()`)
	w.awaitRoom()
	w.tells("by a passkey")
	if n := len(a.keys()); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}
