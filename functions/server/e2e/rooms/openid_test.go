package rooms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/account/oidc"
	"confab/shared/chat"
	"confab/shared/testenv"
)

// The provider is that of zitadel's library, as the library's example runs it.
const providerModule = "github.com/zitadel/oidc/v3/example/server@v3.52.0"

// buildProvider builds it once, into a folder that is kept from run to run.
var buildProvider = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "confab", "zitadel-oidc@v3.52.0")
	program := filepath.Join(dir, "server")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	cmd := exec.Command("go", "install", providerModule)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", providerModule, err, out)
	}
	return program, nil
})

// startProvider runs it for a server at an address, and returns its own.
func startProvider(t *testing.T, server string) (issuer string) {
	t.Helper()
	program, err := buildProvider()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(testenv.FreeAddr(t), ":")
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "PORT="+port, "REDIRECT_URI="+server+"/login/oidc/callback")
	testenv.EndsWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	issuer = "http://localhost:" + port + "/"
	testenv.Await(t, "the provider", 20*time.Second, func() bool {
		res, err := http.Get(issuer + ".well-known/openid-configuration")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	return issuer
}

// A browser follows redirects, but for those that stop says it stays at.
type browser struct {
	*http.Client
	t    *testing.T
	stop string
}

func newBrowser(t *testing.T) *browser {
	b := &browser{t: t}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Client = &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if b.stop != "" && strings.HasPrefix(r.URL.Path, b.stop) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

func (b *browser) get(url string) *http.Response {
	b.t.Helper()
	res, err := b.Get(url)
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	return res
}

// signIn goes through the login to the address that the provider sends it back
// to, or on from there.
func (b *browser) signIn(server, issuer, name, next string) *http.Response {
	b.t.Helper()
	return b.signInAt(server+"/login/oidc?next="+url.QueryEscape(next), issuer, name)
}

func (b *browser) signInAt(address, issuer, name string) *http.Response {
	b.t.Helper()
	at := b.get(address).Request.URL
	res, err := b.PostForm(issuer+"login/username", url.Values{
		"id": {at.Query().Get("authRequestID")}, "username": {name}, "password": {"verysecure"}})
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func (b *browser) whoami(server string) *chat.User {
	b.t.Helper()
	req, _ := http.NewRequest("GET", server+"/login", nil)
	req.Header.Set("Accept", "application/json")
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var in struct{ User *chat.User }
	if err := json.NewDecoder(res.Body).Decode(&in); err != nil {
		b.t.Fatal(err)
	}
	return in.User
}

func TestOpenIDProviderSignsIn(t *testing.T) {
	t.Parallel()
	_, port, _ := strings.Cut(testenv.FreeAddr(t), ":")
	server := "http://localhost:" + port
	issuer := startProvider(t, server)
	s := process.Start(t, "ADDR=127.0.0.1:"+port, "PUBLIC_ORIGIN="+server, "SIGN_IN=oidc", "OIDC_ISSUER="+issuer, "OIDC_CLIENT_ID=web", "OIDC_CLIENT_SECRET=secret",
		"OIDC_GROUPS_CLAIM=preferred_username", "OIDC_OPERATORS=test-user2")

	ann := newBrowser(t)
	ann.stop = "/r/"
	if res := ann.signIn(server, issuer, "test-user@localhost", "/r/ops"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/r/ops" {
		t.Fatalf("after the login: %s to %q\n%s", res.Status, res.Header.Get("Location"), s.Log)
	}
	first := ann.whoami(server)
	again := newBrowser(t)
	again.signIn(server, issuer, "test-user@localhost", "https://evil.example/")
	if second := again.whoami(server); first == nil || second == nil || *first != *second {
		t.Errorf("on another device %v is %v", first, second)
	}
	bob := newBrowser(t)
	bob.signIn(server, issuer, "test-user2", "/")
	if u := bob.whoami(server); u == nil || u.ID == first.ID {
		t.Errorf("another user is %v", u)
	}
	for b, want := range map[*browser]int{bob: http.StatusOK, ann: http.StatusForbidden} {
		if res := b.get(server + "/audit"); res.StatusCode != want {
			t.Errorf("what only operators read: %s, want %d", res.Status, want)
		}
	}

	// What one browser began, no other ends, and none ends twice.
	victim, thief := newBrowser(t), newBrowser(t)
	thief.stop = "/login/oidc/callback"
	callback := thief.signIn(server, issuer, "test-user@localhost", "/").Header.Get("Location")
	if res := victim.get(callback); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a callback that it did not begin: %s", res.Status)
	}
	victim.stop = "/login/username"
	victim.get(server + "/login/oidc")
	if res := victim.get(callback); res.StatusCode != http.StatusUnauthorized || victim.whoami(server) != nil {
		t.Errorf("a callback of another login: %s", res.Status)
	}
	thief.stop = ""
	if res := thief.get(callback + "&iss=https://evil.example"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a callback of another issuer: %s", res.Status)
	}
	if res := thief.get(callback); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a callback for the second time: %s", res.Status)
	}
	if res, err := http.PostForm(server+"/login", url.Values{"user": {"ann"}}); err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a name that is only said: %v, %v", res, err)
	}
	if code := callback[strings.Index(callback, "code=")+5:]; strings.Contains(s.Log.String(), code[:20]) {
		t.Error("the code is in the log")
	}
}

// A code that is good, with what another login began.
func TestForeignNonceIsRefused(t *testing.T) {
	t.Parallel()
	const server = "http://localhost:1"
	issuer := startProvider(t, server)
	p := oidc.New(oidc.Config{Issuer: issuer, ClientID: "web", ClientSecret: "secret", Scopes: []string{"openid"}, Log: slog.New(slog.DiscardHandler)})
	for _, foreign := range []string{"", "nonce", "verifier", "state"} {
		address, state, err := p.Begin(server + "/login/oidc/callback")
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t)
		b.stop = "/login/oidc/callback"
		back, err := url.Parse(b.signInAt(address, issuer, "test-user2").Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		data := map[string]string{}
		if err := json.Unmarshal(state, &data); err != nil {
			t.Fatal(err)
		}
		if foreign != "" {
			data[foreign] = strings.Repeat("a", len(data[foreign]))
		}
		proof, _, err := p.Finish(t.Context(), server+"/login/oidc/callback", chat.JSON(data), back.Query())
		if refused := errors.Is(err, chat.ErrUnauthorized); refused != (foreign != "") || (proof.Subject == "") != refused {
			t.Errorf("with a foreign %q: %+v, %v", foreign, proof, err)
		}
	}
}
