package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/account/passkey"
	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"

	webauthn "github.com/descope/virtualwebauthn"
)

// openPasskeys is a server with passkeys, and with names that are only said as
// ways may have it.
func openPasskeys(tb testing.TB, ways ...string) *house {
	tb.Helper()
	var mu sync.Mutex
	spent := map[string]bool{}
	return openWays(tb, web.Ways{Passkeys: passkey.Keys{}}, func(c *web.Config) {
		c.SignIn = append(ways, web.ByPasskey)
		c.Once = func(_ context.Context, word string, _ time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			if spent[word] {
				return fmt.Errorf("%w", chat.ErrTooMany)
			}
			spent[word] = true
			return nil
		}
	})
}

// A keyholder is a device with an authenticator and a browser around it.
type keyholder struct {
	webauthn.Authenticator
	rp  webauthn.RelyingParty
	key webauthn.Credential
}

func newKeyholder() *keyholder {
	key := webauthn.NewCredential(webauthn.KeyTypeEC2)
	for len(key.Key.AttestationData()) != 77 { // the library leaves out zeros in front of a coordinate
		key = webauthn.NewCredential(webauthn.KeyTypeEC2)
	}
	return &keyholder{Authenticator: webauthn.NewAuthenticator(), key: key,
		rp: webauthn.RelyingParty{ID: "example.com", Name: "Confab", Origin: "http://example.com"}}
}

type passkeyAnswer struct {
	Options  json.RawMessage
	State    string
	User     *chat.User
	Passkeys []struct{ ID, Label string }
	Recovery string
	cookie   string
}

// asks sends a request about passkeys, which must be answered.
func (h *house) asks(tb testing.TB, method, target, body, cookie string) passkeyAnswer {
	tb.Helper()
	head := asJSON
	if cookie != "" {
		head += "\nCookie: session=" + cookie
	}
	res := h.do(tb, ask{method, target, head, body, nobody})
	if res.StatusCode != http.StatusOK {
		tb.Fatalf("%s %s: %s %s", method, target, res.Status, read(tb, res))
	}
	out := decode[passkeyAnswer](tb, res)
	if out.cookie = cookie; len(res.Cookies()) > 0 {
		out.cookie = res.Cookies()[0].Value
	}
	return out
}

func body(state, credential, more string) string {
	return fmt.Sprintf(`{"state":%q,"credential":%s%s}`, state, credential, more)
}

// create makes a key on a device, and returns what it answers.
func (d *keyholder) create(tb testing.TB, options json.RawMessage) string {
	tb.Helper()
	o, err := webauthn.ParseAttestationOptions(string(options))
	if err != nil {
		tb.Fatal(err)
	}
	d.Options.UserHandle = []byte(o.UserID)
	return webauthn.CreateAttestationResponse(d.rp, d.Authenticator, d.key, *o)
}

// show shows the key.
func (d *keyholder) show(tb testing.TB, options json.RawMessage) string {
	tb.Helper()
	o, err := webauthn.ParseAssertionOptions(string(options))
	if err != nil {
		tb.Fatal(err)
	}
	return webauthn.CreateAssertionResponse(d.rp, d.Authenticator, d.key, *o)
}

// register makes a passkey for the user of a cookie, or for a new one.
func (h *house) register(tb testing.TB, d *keyholder, name, cookie string) passkeyAnswer {
	tb.Helper()
	begun := h.asks(tb, "POST", "/me/passkeys", `{"name":"`+name+`"}`, cookie)
	return h.asks(tb, "POST", "/me/passkeys", body(begun.State, d.create(tb, begun.Options), `,"label":"phone"`), cookie)
}

// shown is the answer to a device that shows its key.
func (h *house) shown(tb testing.TB, d *keyholder) *http.Response {
	tb.Helper()
	begun := h.asks(tb, "POST", "/login/passkey", `{}`, "")
	return h.do(tb, ask{"POST", "/login/passkey", asJSON, body(begun.State, d.show(tb, begun.Options), ""), nobody})
}

func TestPasskeyIsTheSameUserOnAnyDevice(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	d, session := newKeyholder(), h.token(t, ann)
	made := h.register(t, d, "", session)
	if *made.User != ann || len(made.Passkeys) != 1 || made.Passkeys[0].Label != "phone" || made.Recovery == "" {
		t.Fatalf("made %+v", made)
	}
	d.key.Counter++
	if in := decode[who](t, h.shown(t, d)); in.User == nil || *in.User != ann {
		t.Errorf("on another device it is %v", in.User)
	}
	refused(t, h.do(t, ask{"POST", "/login", asForm, "user=Ann", nobody}), 409, "Somebody has that name")
	refused(t, h.do(t, ask{"POST", "/me/passkeys", asJSON, `{"name":"ann"}`, nobody}), 409, "Somebody has that name")

	second := newKeyholder()
	if made := h.register(t, second, "", session); len(made.Passkeys) != 2 || made.Recovery != "" {
		t.Errorf("with a second key: %+v", made)
	}
	if res := h.do(t, ask{"POST", "/login", asForm, "user=anna", ann}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("another name: %s", res.Status)
	}
	if in := decode[who](t, h.shown(t, second)); in.User == nil || in.User.ID != ann.ID || in.User.Name != "anna" {
		t.Errorf("after another name was taken: %v", in.User)
	}
	left := h.asks(t, "DELETE", "/me/passkeys/"+made.Passkeys[0].ID, "", session)
	if len(left.Passkeys) != 1 {
		t.Errorf("left are %+v", left.Passkeys)
	}
	refused(t, h.shown(t, d), 401, "The passkey was not accepted")
	refused(t, h.do(t, ask{"DELETE", "/me/passkeys/" + made.Passkeys[0].ID, "", "", ann}), 404, "You have no such passkey")
	if left := h.asks(t, "DELETE", "/me/passkeys/"+left.Passkeys[0].ID, "", session); len(left.Passkeys) != 0 {
		t.Errorf("left are %+v", left.Passkeys)
	}
	refused(t, h.shown(t, second), 401, "The passkey was not accepted")
	if len(h.tape.owners.names) != 0 {
		t.Errorf("without a key are owned %v", h.tape.owners.names)
	}
}

func TestNameIsProvenByAPasskeyWhereItHasToBe(t *testing.T) {
	h := openPasskeys(t)
	refused(t, h.do(t, ask{"POST", "/login", asForm, "user=ann", nobody}), 403, "On this server a name has to be proven")
	d := newKeyholder()
	made := h.register(t, d, "Ann", "")
	me := decode[who](t, h.do(t, ask{"GET", "/login", "Cookie: session=" + made.cookie, "", nobody}))
	if me.User == nil || *me.User != *made.User || me.User.Name != "Ann" {
		t.Errorf("after it was made I am %v, and made as %v", me.User, made.User)
	}
	refused(t, h.do(t, ask{"DELETE", "/me/passkeys/" + made.Passkeys[0].ID, "Cookie: session=" + made.cookie, "", nobody}), 409, "On this server a name has to be proven")
	if in := decode[who](t, h.shown(t, d)); in.User == nil || *in.User != *made.User {
		t.Errorf("shown, it is %v", in.User)
	}
}

func TestBadPasskeysAreRefused(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	for name, spoil := range map[string]func(*keyholder){
		"wrong origin":      func(d *keyholder) { d.rp.Origin = "http://evil.example" },
		"another port":      func(d *keyholder) { d.rp.Origin = "http://example.com:81" },
		"wrong rpID":        func(d *keyholder) { d.rp.ID = "evil.example" },
		"user not verified": func(d *keyholder) { d.Options.UserNotVerified = true },
		"user not present":  func(d *keyholder) { d.Options.UserNotPresent = true },
	} {
		d, session := newKeyholder(), h.token(t, identity.NewUser(name))
		begun := h.asks(t, "POST", "/me/passkeys", `{}`, session)
		bad := *d
		spoil(&bad)
		res := h.do(t, ask{"POST", "/me/passkeys", asJSON + "\nCookie: session=" + session, body(begun.State, bad.create(t, begun.Options), ""), nobody})
		refused(t, res, 401, "The passkey was not accepted")
		h.register(t, d, "", session)
		bad = *d
		spoil(&bad)
		if res := h.shown(t, &bad); res.StatusCode != 401 || len(res.Cookies()) > 0 {
			t.Errorf("%s: %s, %d cookies", name, res.Status, len(res.Cookies()))
		}
		if res := h.shown(t, d); res.StatusCode != 200 {
			t.Errorf("%s: the good one is refused after it: %s", name, res.Status)
		}
	}
	if log := h.log.String(); !strings.Contains(log, "passkey refused") {
		t.Errorf("the log does not say why: %s", log)
	}
}

func TestChallengeIsAnsweredOnce(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	d, session := newKeyholder(), h.token(t, ann)
	begun := h.asks(t, "POST", "/me/passkeys", `{}`, session)
	create := ask{"POST", "/me/passkeys", asJSON + "\nCookie: session=" + session, body(begun.State, d.create(t, begun.Options), ""), nobody}
	other := create
	other.head, other.as = asJSON, bob
	if decode[passkeyAnswer](t, h.do(t, create)); false {
		return
	}
	refused(t, h.do(t, create), 401, "This took too long")

	begun = h.asks(t, "POST", "/login/passkey", `{}`, "")
	show := ask{"POST", "/login/passkey", asJSON, body(begun.State, d.show(t, begun.Options), ""), nobody}
	decode[who](t, h.do(t, show))
	refused(t, h.do(t, show), 401, "This took too long")

	// What was asked of one is not answered by another, nor for something else.
	begun = h.asks(t, "POST", "/me/passkeys", `{}`, session)
	other.body = body(begun.State, newKeyholder().create(t, begun.Options), "")
	refused(t, h.do(t, other), 401, "This took too long")
	begun = h.asks(t, "POST", "/me/passkeys", `{}`, session)
	refused(t, h.do(t, ask{"POST", "/login/passkey", asJSON, body(begun.State, d.show(t, begun.Options), ""), nobody}), 401, "This took too long")
	older := h.asks(t, "POST", "/login/passkey", `{}`, "")
	newer := h.asks(t, "POST", "/login/passkey", `{}`, "")
	refused(t, h.do(t, ask{"POST", "/login/passkey", asJSON, body(newer.State, d.show(t, older.Options), ""), nobody}), 401, "The passkey was not accepted")
	for _, state := range []string{"", "x", older.State + "x", h.token(t, ann)} {
		refused(t, h.do(t, ask{"POST", "/login/passkey", asJSON, body(state, d.show(t, older.Options), ""), nobody}), 401, "This took too long")
	}
}

func TestChallengeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openPasskeys(t, web.ByName)
		d := newKeyholder()
		h.register(t, d, "", h.token(t, ann))
		begun := h.asks(t, "POST", "/login/passkey", `{}`, "")
		time.Sleep(7 * time.Minute)
		refused(t, h.do(t, ask{"POST", "/login/passkey", asJSON, body(begun.State, d.show(t, begun.Options), ""), nobody}), 401, "This took too long")
	})
}

func TestCopiedAuthenticatorIsRefused(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	d := newKeyholder()
	h.register(t, d, "", h.token(t, ann))
	copied := *d
	for _, step := range []struct {
		d       *keyholder
		counter uint32
		status  int
	}{{d, 5, 200}, {&copied, 5, 401}, {&copied, 1, 401}, {&copied, 0, 401}, {d, 6, 200}} {
		step.d.key.Counter = step.counter
		if res := h.shown(t, step.d); res.StatusCode != step.status {
			t.Errorf("with the counter %d: %s, want %d", step.counter, res.Status, step.status)
		}
	}
	if !strings.Contains(h.log.String(), "copied") {
		t.Error("the log does not say it")
	}
}

func TestRecoveryCodeIsGoodOnce(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	me := identity.NewUser("Ann")
	code := h.register(t, newKeyholder(), "", h.token(t, me)).Recovery
	login := func(code string) *http.Response {
		return h.do(t, ask{"POST", "/login", asJSON, `{"recovery":"` + code + `"}`, nobody})
	}
	for _, bad := range []string{"x", "x-y", code + "a", code[:20] + "-", strings.Repeat("a", 20) + code[20:]} {
		refused(t, login(bad), 401, "This recovery code")
	}
	in := decode[passkeyAnswer](t, login(" "+strings.ToUpper(code)))
	if *in.User != me || in.Recovery == "" || in.Recovery == code {
		t.Fatalf("it lets in %+v", in)
	}
	refused(t, login(code), 401, "This recovery code")
	if in := decode[passkeyAnswer](t, login(in.Recovery)); *in.User != me {
		t.Errorf("the next one lets in %v", in.User)
	}
	if strings.Contains(h.log.String(), code[21:]) {
		t.Error("the code is in the log")
	}
	for _, kept := range h.tape.owners.accounts {
		if strings.Contains(string(kept), code[21:]) {
			t.Error("the code itself is kept")
		}
	}
}

func TestSoManyPasskeysAreKept(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	session := h.token(t, ann)
	for range 10 {
		h.register(t, newKeyholder(), "", session)
	}
	begun := h.asks(t, "POST", "/me/passkeys", `{}`, session)
	res := h.do(t, ask{"POST", "/me/passkeys", asJSON, body(begun.State, newKeyholder().create(t, begun.Options), ""), ann})
	refused(t, res, 409, "That is 10 passkeys")
	if list := h.asks(t, "GET", "/me/passkeys", "", session); len(list.Passkeys) != 10 {
		t.Errorf("there are %d", len(list.Passkeys))
	}
	refused(t, h.do(t, ask{"GET", "/me/passkeys", "", "", nobody}), 401, "Say your name first")
	refused(t, open(t, nil).do(t, ask{"POST", "/login/passkey", asJSON, "{}", nobody}), 403, "There are no passkeys")
}

func TestOwnerOfANameThatWasLostIsLetIn(t *testing.T) {
	h := openPasskeys(t, web.ByName)
	d := newKeyholder()
	h.register(t, d, "", h.token(t, ann))
	if err := errors.Join(h.tape.Disown(t.Context(), ann), h.tape.Own(t.Context(), chat.User{ID: "u_other", Name: "Ann"})); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if in := decode[who](t, h.shown(t, d)); in.User == nil || *in.User != (chat.User{ID: ann.ID, Name: "ann 2"}) {
			t.Errorf("it is %v", in.User)
		}
	}
}

func FuzzPasskey(f *testing.F) {
	f.Add(`{}`, "state")
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`, "")
	h := openPasskeys(f, web.ByName)
	f.Fuzz(func(t *testing.T, credential, state string) {
		begun := h.asks(t, "POST", "/login/passkey", `{}`, "")
		if state == "" {
			state = begun.State
		}
		if !json.Valid([]byte(credential)) {
			credential = string(chat.JSON(base64.RawURLEncoding.EncodeToString([]byte(credential))))
		}
		for _, target := range []string{"/login/passkey", "/me/passkeys"} {
			res := h.do(t, ask{"POST", target, asJSON, string(chat.JSON(map[string]any{"state": state, "credential": json.RawMessage(credential)})), nobody})
			if res.StatusCode >= 500 || target == "/login/passkey" && len(res.Cookies()) > 0 {
				t.Errorf("%s answers %s to %q", target, res.Status, credential)
			}
		}
	})
}
