//go:build cloud

package cloud_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// Pebble is the authority that Let's Encrypt tests clients with. It is strict,
// and forgets everything.
const pebble = "github.com/letsencrypt/pebble/v2@v2.10.3"

// An authority is a running Pebble, with a DNS in which every name is this
// machine's.
type authority struct {
	*running
	trust string // a file with the roots of its own address and of what it issues
}

// startAuthority starts a Pebble, whose certificates live for so long.
func startAuthority(t *testing.T, programs string, life time.Duration) *authority {
	t.Helper()
	source := filepath.Join(strings.TrimSpace(output(t, nil, "go", "env", "GOMODCACHE")), pebble)
	config := filepath.Join(t.TempDir(), "pebble.json")
	settings, _ := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80, "tlsPort": 443,
		"certificate": source + "/test/certs/localhost/cert.pem", "privateKey": source + "/test/certs/localhost/key.pem",
		"profiles": map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": int(life.Seconds())}},
	}})
	if err := os.WriteFile(config, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, nil, filepath.Join(programs, "pebble-challtestsrv"), "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-dnsserver", "127.0.0.1:8053", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", "127.0.0.1:8055")
	a := &authority{start(t, []string{"PEBBLE_VA_NOSLEEP=1"}, filepath.Join(programs, "pebble"), "-config", config, "-dnsserver", "127.0.0.1:8053"), filepath.Join(t.TempDir(), "roots.pem")}
	own := filepath.Join(source, "test/certs/pebble.minica.pem")
	root := output(t, nil, "curl", "--silent", "--fail", "--cacert", own, "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "https://localhost:15000/roots/0")
	minica, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.trust, append(minica, root...), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// get asks for an address over TLS, with every name being this machine.
func (a *authority) get(args ...string) (string, error) {
	args = append([]string{"--silent", "--show-error", "--fail", "--max-time", "10", "--cacert", a.trust, "--connect-to", "::127.0.0.1:"}, args...)
	out, err := command(a.tb.Context(), nil, "curl", args...).CombinedOutput()
	return string(out), err
}

// await gets an address until it is answered.
func (a *authority) await(address string) {
	a.tb.Helper()
	testenv.Await(a.tb, address+" is answered", time.Minute, func() bool {
		_, err := a.get(address)
		return err == nil
	})
}

// build gives a folder with Pebble and the server in it.
func build(t *testing.T) (programs, confab string) {
	t.Helper()
	programs = t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", strings.Replace(pebble, "@", "/cmd/pebble@", 1), strings.Replace(pebble, "@", "/cmd/pebble-challtestsrv@", 1))
	install.Env = append(os.Environ(), "GOBIN="+programs) // outside, where the module proxy is
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	confab = filepath.Join(programs, "confab")
	output(t, nil, "go", "build", "-o", confab, "./functions/server")
	return programs, confab
}

func TestServerGetsItsCertificatesByItself(t *testing.T) {
	programs, confab := build(t)
	ca := startAuthority(t, programs, 90*24*time.Hour)
	data := t.TempDir()
	env := func(data string) []string {
		return []string{"HOST=chat.example.org,www.example.org", "ACME_DIRECTORY=https://localhost:14000/dir", "SSL_CERT_FILE=" + ca.trust, "DATA_DIR=" + data}
	}
	server := start(t, env(data), confab)
	ca.await("https://chat.example.org/readyz")
	ca.await("https://www.example.org/readyz")
	head, _ := ca.get("--head", "https://chat.example.org/")
	if !strings.HasPrefix(head, "HTTP/2 200") || !strings.Contains(head, "strict-transport-security: max-age=") {
		t.Errorf("no HTTP/2, or no HSTS:\n%s", head)
	}
	if head, _ := ca.get("--head", "http://chat.example.org/r/ops?x=1"); !strings.Contains(head, "308") || !strings.Contains(head, "Location: https://chat.example.org/r/ops?x=1") {
		t.Errorf("plain HTTP is answered with\n%s", head)
	}
	if out, err := ca.get("https://other.example/"); err == nil {
		t.Errorf("another name is answered with %s", out)
	}
	talkOverTLS(t, ca)
	files, _ := filepath.Glob(data + "/certificates/*")
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", file, info.Mode())
		}
	}
	if len(files) < 3 { // two certificates and the account's key
		t.Errorf("kept are %q", files)
	}
	server.quit()
	ca.quit()
	again := start(t, env(data), confab) // the authority is away, and not needed
	ca.await("https://chat.example.org/readyz")
	again.quit()
	start(t, env(t.TempDir()), confab) // the authority is away, and needed
	testenv.Await(t, "a server whose authority is away answers by HTTP", 30*time.Second, func() bool {
		head, _ := ca.get("--head", "http://chat.example.org/")
		return strings.Contains(head, "308")
	})
}

// A certificate is replaced before it ends, in a server that runs on, and
// nobody's stream ends for it.
func TestServerRenewsItsCertificates(t *testing.T) {
	programs, confab := build(t)
	ca := startAuthority(t, programs, 40*time.Second)
	data := t.TempDir()
	server := start(t, []string{"HOST=chat.example.org", "ACME_DIRECTORY=https://localhost:14000/dir", "SSL_CERT_FILE=" + ca.trust, "DATA_DIR=" + data}, confab)
	ca.await("https://chat.example.org/readyz")
	listener := start(t, nil, "curl", "--silent", "--no-buffer", "--cacert", ca.trust, "--connect-to", "::127.0.0.1:", "https://chat.example.org/stream?last_event_id=0-0&ping=5")
	testenv.Await(t, "the stream opens", 20*time.Second, func() bool { return strings.Contains(listener.log.String(), "event: open") })
	first := ca.served("chat.example.org")
	testenv.Await(t, "another certificate is served", time.Minute, func() bool {
		now := ca.served("chat.example.org")
		return now != nil && now.SerialNumber.Cmp(first.SerialNumber) != 0 && now.NotAfter.After(first.NotAfter)
	})
	if time.Now().After(first.NotAfter) {
		t.Error("the first had ended before")
	}
	select {
	case err := <-server.end:
		t.Errorf("the server has ended: %v", err)
	case err := <-listener.end:
		t.Errorf("the stream has ended: %v", err)
	default:
	}
}

// served is the certificate that is shown for a name now, if any is.
func (a *authority) served(name string) *x509.Certificate {
	conn, err := docker.dial("127.0.0.1:443")
	if err != nil {
		return nil
	}
	defer conn.Close()
	client := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // curl verifies, above
	if client.HandshakeContext(a.tb.Context()) != nil {
		return nil
	}
	return client.ConnectionState().PeerCertificates[0]
}

// talkOverTLS says a line and hears it, by HTTP/2 and by HTTP/1.1.
func talkOverTLS(t *testing.T, ca *authority) {
	t.Helper()
	const base = "https://chat.example.org"
	jar := filepath.Join(t.TempDir(), "jar")
	for _, args := range [][]string{
		{"--cookie-jar", jar, "--data", "user=ann", base + "/login"},
		{"--cookie", jar, "--data", "text=over TLS", base + "/r/lobby"},
	} {
		if out, err := ca.get(args...); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	for _, version := range []string{"--http2", "--http1.1"} {
		listener := start(t, nil, "curl", "--silent", "--no-buffer", version, "--cacert", ca.trust, "--connect-to", "::127.0.0.1:", base+"/stream?last_event_id=0-0")
		testenv.Await(t, version+" hears the line", 20*time.Second, func() bool { return strings.Contains(listener.log.String(), "over TLS") })
	}
}
