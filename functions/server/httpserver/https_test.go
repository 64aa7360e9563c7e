package httpserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"confab/shared/app"
)

// writePair writes a certificate for a name, and its key.
func writePair(t *testing.T, cert, key, name string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever renews a certificate writes its two files one after the other. What
// is between belongs to no one, and is served to no one.
func TestOwnCertificateIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, "one.example")
	k, err := openKeyPair(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := func(age time.Duration) string {
		t.Helper()
		for _, file := range []string{cert, key} { // as if it had been written at another time
			_ = os.Chtimes(file, time.Time{}, time.Now().Add(age))
		}
		k.looked = time.Time{}
		now, err := k.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return now.Leaf.Subject.CommonName
	}
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writePair(t, cert, key, "two.example")
	renewed, _ := os.ReadFile(key)
	_ = os.WriteFile(key, old, 0o600)
	if name := served(time.Minute); name != "one.example" {
		t.Errorf("with half of it replaced, %s is served", name)
	}
	_ = os.WriteFile(key, renewed, 0o600)
	if name := served(2 * time.Minute); name != "two.example" {
		t.Errorf("with all of it replaced, %s is served", name)
	}
	_ = os.Remove(cert)
	if name := served(3 * time.Minute); name != "two.example" {
		t.Errorf("with the file gone, %s is served", name)
	}
	if _, err := newCertificates(app.Config{HTTPS: app.HTTPS{Cert: cert, Key: key}}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a server starts without its certificate")
	}
}

func TestPlainHTTPIsSentOn(t *testing.T) {
	c, err := newCertificates(app.Config{DataDir: t.TempDir(), HTTPS: app.HTTPS{Hosts: []string{"chat.example.org", "www.example.org"}}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		port   int
		url    string
		status int
		to     string
	}{
		{443, "http://chat.example.org/r/ops?x=1", http.StatusPermanentRedirect, "https://chat.example.org/r/ops?x=1"},
		{443, "http://WWW.example.org:80/", http.StatusPermanentRedirect, "https://www.example.org/"},
		{8443, "http://chat.example.org/", http.StatusPermanentRedirect, "https://chat.example.org:8443/"},
		{443, "http://evil.example/", http.StatusMisdirectedRequest, ""},
		{443, "http://chat.example.org/.well-known/acme-challenge/none", http.StatusNotFound, ""},
	} {
		w := httptest.NewRecorder()
		c.plain(&net.TCPAddr{Port: tt.port}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, tt.url, nil))
		if got := w.Header().Get("Location"); w.Code != tt.status || got != tt.to {
			t.Errorf("%s is answered with %d to %q, want %d to %q", tt.url, w.Code, got, tt.status, tt.to)
		}
	}
}

// A name that is none of ours costs the authority no question.
func TestNobodyGetsACertificateForAnotherName(t *testing.T) {
	asked := make(chan string, 10)
	ca := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer ca.Close()
	c, err := newCertificates(app.Config{DataDir: t.TempDir(), HTTPS: app.HTTPS{Hosts: []string{"chat.example.org"}, Directory: ca.URL}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evil.example", "chat.example.org.evil.example", "x.chat.example.org", ""} {
		if _, err := c.get(&tls.ClientHelloInfo{ServerName: name}); err == nil || len(asked) > 0 {
			t.Errorf("%q: %v, and the authority was asked %d times", name, err, len(asked))
		}
	}
}
