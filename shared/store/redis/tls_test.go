package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// Redis closes what lies idle too long, and at a failover; what it closed is
// not used again. CLIENT KILL does the same without the waiting.
func TestConnectionsThatRedisClosedAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	files := authority(t)
	srv, secured := startTLS(t, files)
	for name, opts := range map[string]store.Options{
		"plain": {URL: srv.url()},
		"TLS":   {URL: secured, TLS: files.client},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, opts)
			for range 5 {
				say(t, s, ann, "before")
				must(s.Since(t.Context(), room, chat.ID{}, 1))(t)
				srv.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				settled(t, srv)
				say(t, s, ann, "after")
				must(s.Since(t.Context(), room, chat.ID{}, 1))(t)
			}
		})
	}
}

// settled waits until Redis has closed what it killed.
func settled(tb testing.TB, srv *server) {
	tb.Helper()
	eventually(tb, 5*time.Second, "the connections are closed", func() error {
		if n := strings.Count(srv.do("CLIENT", "LIST", "TYPE", "normal").(string), "\n"); n > 1 {
			return errNotYet
		}
		return nil
	})
}

func TestRedisWithItsOwnAuthorityAndClientCertificates(t *testing.T) {
	t.Parallel()
	files := authority(t)
	_, url := startTLS(t, files)
	say(t, open(t, store.Options{URL: url, TLS: files.client}), ann, "by files")
	text := store.TLS{CA: read(t, files.client.CA), Cert: read(t, files.client.Cert), Key: read(t, files.client.Key)}
	say(t, open(t, store.Options{URL: url, TLS: text}), ann, "by their text")

	for name, tt := range map[string]struct {
		url  string
		tls  store.TLS
		want string
	}{
		"no authority":   {url, store.TLS{Cert: files.client.Cert, Key: files.client.Key}, "certificate"},
		"no certificate": {url, store.TLS{CA: files.client.CA}, "certificate"},
		"no key":         {url, store.TLS{CA: files.client.CA, Cert: files.client.Cert}, "REDIS_TLS_KEY"},
		"no pair":        {url, store.TLS{CA: files.client.CA, Cert: files.client.CA, Key: files.client.Key}, "are no pair"},
		"no file":        {url, store.TLS{CA: "/nowhere"}, "REDIS_TLS_CA"},
		"no TLS":         {"redis://localhost", files.client, "write rediss://"},
	} {
		begun := time.Now()
		_, err := redis.Open(t.Context(), store.Options{URL: tt.url, TLS: tt.tls})
		if err == nil || !strings.Contains(err.Error(), tt.want) || time.Since(begun) > 2*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
	}
}

// certificates are files in PEM: those of Redis, and what a client needs.
type certificates struct {
	cert, key string
	client    store.TLS
}

func startTLS(t *testing.T, files certificates) (srv *server, url string) {
	t.Helper()
	port := freePort(t)
	srv = startRedis(t, "--tls-port", port, "--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-ca-cert-file", files.client.CA)
	return srv, "rediss://127.0.0.1:" + port
}

func read(tb testing.TB, path string) string { return string(must(os.ReadFile(path))(tb)) }

// authority makes one that nobody else trusts, and what it signed.
func authority(t *testing.T) certificates {
	t.Helper()
	dir := t.TempDir()
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "our own"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	n := int64(1)
	sign := func(name string) (cert, key string) {
		n++
		template, signer := ca, caKey
		if name != "ca" {
			signer = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
			template = &x509.Certificate{
				SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
				IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
				ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			}
		}
		der := must(x509.CreateCertificate(rand.Reader, template, ca, &signer.PublicKey, caKey))(t)
		secret := must(x509.MarshalPKCS8PrivateKey(signer))(t)
		cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
		err := errors.Join(
			os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
			os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	var c certificates
	c.client.CA, _ = sign("ca")
	c.cert, c.key = sign("redis")
	c.client.Cert, c.client.Key = sign("client")
	return c
}
