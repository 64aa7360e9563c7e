package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"confab/shared/store"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A target is where Redis is.
type target struct {
	rdb     redis.UniversalClient
	db      int
	user    string // whose permissions we have
	address string // what may be shown of it

	conns *connTracker

	// node is a client for one of its replicas, under the same login.
	node func(address string) *redis.Client
}

// nodes returns how a replica is reached: as the others are, but soon given up.
func nodes(user, password string, c *tls.Config) func(address string) *redis.Client {
	return func(address string) *redis.Client {
		return redis.NewClient(&redis.Options{
			Addr: address, Username: user, Password: password, TLSConfig: c,
			MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, PoolSize: 2,
			DialTimeout: askTimeout, ReadTimeout: askTimeout, WriteTimeout: askTimeout,
			ConnMaxIdleTime: idleTime, DisableIdentity: true, MaintNotificationsConfig: noMaintenance(),
		})
	}
}

// dial makes the client that the address asks for. Commands are not sent twice
// by the driver, but on a Cluster, whose nodes refuse while slots move: there
// the idempotency key that every append has makes them one.
func dial(opts store.Options) (target, error) {
	u, err := parseURL(opts.URL)
	if err != nil {
		return target{}, err
	}
	t := target{address: show(u), user: u.User.Username()}
	q := u.Query()
	cluster := q.Get("cluster") == "true" || (q.Has("addr") && !q.Has("master_name"))
	q.Del("cluster")
	bound(q)
	u.RawQuery = q.Encode()
	own, err := readTLS(u.Scheme, opts.TLS)
	if err != nil {
		return t, t.wrong(err)
	}
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return t, t.wrong(err)
		}
		o.TLSConfig = own.with(o.TLSConfig)
		o.DialerRetries, o.ContextTimeoutEnabled, o.Dialer = 1, true, t.dialer(o.TLSConfig)
		t.rdb, t.db, t.node = redis.NewFailoverClient(o), o.DB, nodes(o.Username, o.Password, o.TLSConfig)
	case cluster:
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return t, t.wrong(err)
		}
		o.TLSConfig = own.with(o.TLSConfig)
		o.DialerRetries, o.ContextTimeoutEnabled, o.Dialer = 1, true, t.dialer(o.TLSConfig)
		o.MaintNotificationsConfig = noMaintenance()
		t.rdb, t.node = redis.NewClusterClient(o), nodes(o.Username, o.Password, o.TLSConfig)
	default:
		o, err := redis.ParseURL(u.String())
		if err != nil {
			return t, t.wrong(err)
		}
		o.TLSConfig = own.with(o.TLSConfig)
		o.DialerRetries, o.ContextTimeoutEnabled, o.Dialer = 1, true, t.dialer(o.TLSConfig)
		o.MaintNotificationsConfig = noMaintenance()
		t.rdb, t.db, t.node = redis.NewClient(o), o.DB, nodes(o.Username, o.Password, o.TLSConfig)
	}
	return t, nil
}

// noMaintenance keeps a client from asking each new connection for the notices
// of Redis Enterprise. Redis refuses them, and on a refusal the driver changes
// options that other connections are reading at that moment. A failover client
// never asks.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// bound writes into an address what we allow every connection, whatever the
// address said of it.
func bound(q url.Values) {
	if !q.Has("conn_max_idle_time") && !q.Has("idle_timeout") { // the older name of the same
		q.Set("conn_max_idle_time", idleTime.String())
	}
	q.Set("max_retries", "-1")
	q.Set("pool_size", strconv.Itoa(poolSize))
	q.Set("pool_timeout", poolTimeout.String())
	q.Set("dial_timeout", dialTimeout.String())
	q.Set("read_timeout", replyTimeout.String())
	q.Set("write_timeout", replyTimeout.String())
}

// An ownTLS is what an operator adds to TLS as the address has it: an authority
// to trust, and a certificate of ours, each of which may be missing.
type ownTLS struct {
	roots *x509.CertPool
	pairs []tls.Certificate
}

// with returns the configuration with what an operator adds.
func (o ownTLS) with(c *tls.Config) *tls.Config {
	if c == nil || o.roots == nil && o.pairs == nil {
		return c
	}
	c = c.Clone()
	if o.roots != nil {
		c.RootCAs = o.roots
	}
	if o.pairs != nil {
		c.Certificates = o.pairs
	}
	return c
}

func readTLS(scheme string, files store.TLS) (own ownTLS, err error) {
	if files == (store.TLS{}) {
		return own, nil
	}
	if scheme != "rediss" {
		return own, errors.New("REDIS_TLS_CA, REDIS_TLS_CERT or REDIS_TLS_KEY is set, but the address begins with redis://, which is not TLS: write rediss://")
	}
	if files.CA != "" {
		text, err := contents("REDIS_TLS_CA", files.CA)
		if err != nil {
			return own, err
		}
		own.roots = x509.NewCertPool()
		if !own.roots.AppendCertsFromPEM(text) {
			return own, errors.New("REDIS_TLS_CA holds no certificate: it is a file in PEM, or its text")
		}
	}
	if files.Cert == "" && files.Key == "" {
		return own, nil
	}
	cert, err := contents("REDIS_TLS_CERT", files.Cert)
	if err != nil {
		return own, err
	}
	key, err := contents("REDIS_TLS_KEY", files.Key)
	if err != nil {
		return own, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return own, fmt.Errorf("REDIS_TLS_CERT and REDIS_TLS_KEY are no pair: %w", err)
	}
	own.pairs = []tls.Certificate{pair}
	return own, nil
}

// contents is what a variable names, or holds itself: a function has no files.
func contents(variable, value string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "-----BEGIN") {
		return []byte(value), nil
	}
	text, err := os.ReadFile(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return text, nil
}

// dialer is how the driver connects. The target keeps track of it.
func (t *target) dialer(c *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	t.conns = newConnTracker(redis.NewDialer(&redis.Options{DialTimeout: dialTimeout, TLSConfig: c}))
	return t.conns.connect
}

// clustered reports whether rooms are on several primaries.
func (t target) clustered() bool {
	_, ok := t.rdb.(*redis.ClusterClient)
	return ok
}

func (t target) wrong(err error) error {
	return fmt.Errorf("REDIS_URL for %s: %w", t.address, err)
}

// Address is that of [store.Store].
func (s *Store) Address() string { return s.target.address }

// show is the part of an address that may be shown.
func show(u *url.URL) string {
	if u.Scheme == "unix" {
		return u.Path
	}
	return strings.Join(append([]string{u.Host}, u.Query()["addr"]...), ", ")
}
