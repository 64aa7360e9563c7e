package httpserver

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

const lookEvery = 5 * time.Second // at the files of a certificate, at most

// A keyPair is a certificate in files, which may be replaced at any time.
// Connections made from then on get the new one.
type keyPair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex // guards what follows
	now    *tls.Certificate
	read   time.Time // the newer of the files' times when they were read
	looked time.Time
}

func openKeyPair(certFile, keyFile string, log *slog.Logger) (*keyPair, error) {
	k := &keyPair{certFile: certFile, keyFile: keyFile, log: log}
	return k, k.load()
}

// get gives the certificate of the files. While they are being replaced, and do
// not belong together, it is still the one before.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < lookEvery {
		return k.now, nil
	}
	if changed, err := k.changed(); err != nil || !changed.Equal(k.read) {
		if err == nil {
			err = k.load()
		}
		if err != nil {
			k.log.Error("new certificate not readable, keeping the one before", "err", err)
		} else {
			k.log.Info("certificate read anew", "until", k.now.Leaf.NotAfter)
		}
	}
	k.looked = time.Now()
	return k.now, nil
}

// load reads the files. k.mu is held, or nobody else knows k yet.
func (k *keyPair) load() error {
	changed, err := k.changed() // before, so that a change meanwhile is seen
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return err
	}
	k.now, k.read, k.looked = &cert, changed, time.Now()
	return nil
}

func (k *keyPair) changed() (latest time.Time, err error) {
	for _, name := range []string{k.certFile, k.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return latest, err
		}
		if info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest, nil
}
