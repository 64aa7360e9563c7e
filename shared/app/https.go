package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// HTTPS is how a server serves HTTPS by itself.
type HTTPS struct {
	Hosts     []string `env:"HOST" envSeparator:","` // the names that it gets certificates for, as chat.example.org
	Cert      string   `env:"TLS_CERT"`              // a file with a certificate of one's own, in its place
	Key       string   `env:"TLS_KEY"`               // its key
	HTTPAddr  string   `env:"HTTP_ADDR"`             // where plain HTTP is sent on to HTTPS; empty: :80 with HOST, else nowhere
	Directory string   `env:"ACME_DIRECTORY"`        // of the authority that gives certificates; empty: Let's Encrypt's
	Email     string   `env:"ACME_EMAIL"`            // which the authority may write to
}

// Enabled reports whether HTTPS is served here.
func (h HTTPS) Enabled() bool { return len(h.Hosts) > 0 || h.Cert != "" }

// CertificateDir is where certificates and their keys are kept.
func (c Config) CertificateDir() string { return filepath.Join(c.DataDir, "certificates") }

// complete sets what follows from the rest.
func (c *Config) complete() {
	for i, host := range c.HTTPS.Hosts {
		c.HTTPS.Hosts[i] = strings.ToLower(strings.TrimSpace(host))
	}
	port := ":8080"
	if c.HTTPS.Enabled() {
		port = ":443"
	}
	c.Addr = cmp.Or(c.Addr, port)
	if len(c.HTTPS.Hosts) > 0 {
		c.HTTPS.HTTPAddr = cmp.Or(c.HTTPS.HTTPAddr, ":80")
	}
}

func (h HTTPS) check() error {
	if (h.Cert == "") != (h.Key == "") {
		return errors.New("TLS_CERT and TLS_KEY belong together: one is set, the other is not")
	}
	for _, host := range h.Hosts {
		if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") || strings.ContainsAny(host, "/:*?#@ ") {
			return fmt.Errorf("HOST is %q: it is a name, as chat.example.org, or several with commas between; no address, port or pattern", host)
		}
	}
	return nil
}
