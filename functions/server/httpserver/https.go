package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"confab/shared/app"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Certificates are what HTTPS is served with; nil: plain HTTP is.
//
// Decision: x/crypto's autocert gets and renews them, because the protocol has
// many ways to fail and its states must survive a restart.
type certificates struct {
	cfg     app.Config
	log     *slog.Logger
	manager *autocert.Manager // nil: the certificate is the operator's own
	get     func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

func newCertificates(cfg app.Config, log *slog.Logger) (*certificates, error) {
	c := &certificates{cfg: cfg, log: log}
	switch {
	case cfg.HTTPS.Cert != "":
		own, err := openKeyPair(cfg.HTTPS.Cert, cfg.HTTPS.Key, log)
		if err != nil {
			return nil, fmt.Errorf("TLS_CERT, TLS_KEY: %w", err)
		}
		c.get = own.get
	case len(cfg.HTTPS.Hosts) > 0:
		c.manager = &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(cfg.CertificateDir()), Email: cfg.HTTPS.Email,
			HostPolicy: autocert.HostWhitelist(cfg.HTTPS.Hosts...),
			Client:     &acme.Client{DirectoryURL: cfg.HTTPS.Directory, UserAgent: "confab"},
		}
		c.get = c.manager.GetCertificate
	default:
		return nil, nil
	}
	return c, nil
}

// serve serves srv on ln, over TLS if there are certificates, until srv is shut
// down. Meanwhile it redirects plain HTTP to HTTPS.
func (c *certificates) serve(ctx context.Context, srv *http.Server, ln net.Listener) error {
	if c == nil {
		return srv.Serve(ln)
	}
	srv.TLSConfig = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
	if c.manager != nil {
		srv.TLSConfig.NextProtos = []string{acme.ALPNProto} // by which the authority asks, too
	}
	if c.cfg.HTTPS.HTTPAddr == "" {
		return srv.ServeTLS(ln, "", "")
	}
	plain, err := listen(c.cfg.HTTPS.HTTPAddr)
	if err != nil {
		return errors.Join(fmt.Errorf("HTTP_ADDR: %w", err), ln.Close())
	}
	redirects := server(c.plain(ln.Addr()), c.log)
	srv.RegisterOnShutdown(func() { redirects.Close() })
	go redirects.Serve(plain) // until it is closed
	go c.prepare(ctx)
	return errors.Join(srv.ServeTLS(ln, "", ""), redirects.Close())
}

// plain answers without TLS: the authority's challenges, and everybody else
// with the address of the same by HTTPS.
func (c *certificates) plain(at net.Addr) http.Handler {
	_, port, _ := net.SplitHostPort(at.String())
	onward := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if c.manager != nil && !slices.Contains(c.cfg.HTTPS.Hosts, host) {
			http.Error(w, "There is no such host here.", http.StatusMisdirectedRequest)
			return
		}
		if port != "443" {
			host = net.JoinHostPort(host, port)
		}
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
	if c.manager != nil {
		return c.manager.HTTPHandler(onward)
	}
	return onward
}

// prepare gets the certificates before somebody waits for them, and says what
// keeps them from coming. The manager tries again when it is asked the next
// time, but for a minute after a failure.
func (c *certificates) prepare(ctx context.Context) {
	if c.manager == nil {
		return
	}
	for _, host := range c.cfg.HTTPS.Hosts {
		for ctx.Err() == nil {
			cert, err := c.manager.GetCertificate(&tls.ClientHelloInfo{
				ServerName: host, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
				CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
			})
			if err == nil {
				c.log.Info("certificate ready", "host", host, "until", cert.Leaf.NotAfter)
				break
			}
			c.log.Error("no certificate, trying again; the host must point here, with ports 80 and 443 open", "host", host, "err", err, "after", retryAfter)
			select {
			case <-time.After(retryAfter):
			case <-ctx.Done():
			}
		}
	}
}

const retryAfter = 70 * time.Second // a little more than autocert keeps a failure
