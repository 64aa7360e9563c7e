//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// secure is the server under test with HTTPS of its own, and its own store.
type secure struct{ b *bench }

func (secure) name() string { return "confab over TLS" }

func (s secure) start() (target, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return target{}, err
	}
	t := target{full: true, tls: true, stop: func() { os.RemoveAll(dir) }}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := certify(cert, key); err != nil {
		return t, err
	}
	return s.b.serve(t, "TLS_CERT="+cert, "TLS_KEY="+key, "HTTP_ADDR=")
}

// certify writes a certificate that nobody has signed, and its key, of the kind
// that authorities give by default.
func certify(cert, key string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"bench"}, NotAfter: time.Now().Add(24 * time.Hour)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// overTLS gives an address at which plain connections are taken and carried to
// addr over TLS, each by one of its own. It is the load's work, on its core, so
// that the load itself knows nothing of TLS.
func overTLS(addr string) (plain string, err error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go carry(conn, addr)
		}
	}()
	return ln.Addr().String(), nil
}

func carry(conn net.Conn, addr string) {
	defer conn.Close()
	server, err := tls.Dial("tcp4", addr, &tls.Config{ServerName: "bench", InsecureSkipVerify: true}) // nobody signed it
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
}
