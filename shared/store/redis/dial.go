package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

// dial makes the client that the address asks for. Commands are not sent twice
// by the driver, but on a Cluster, whose nodes refuse while slots move: there
// the idempotency key that every append has makes them one.
func dial(raw string) (redis.UniversalClient, error) {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return nil, errors.New("REDIS_URL is not an address like redis://host:6379")
	}
	q := u.Query()
	cluster := q.Get("cluster") == "true" || (q.Has("addr") && !q.Has("master_name"))
	q.Del("cluster")
	if !q.Has("conn_max_idle_time") && !q.Has("idle_timeout") { // the older name of the same
		q.Set("conn_max_idle_time", idleTime.String())
	}
	u.RawQuery = q.Encode()
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
		o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		o.Dialer = dialer(o.TLSConfig)
		return redis.NewFailoverClient(o), nil
	case cluster:
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, badURL(raw, err)
		}
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
		o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
		o.Dialer = dialer(o.TLSConfig)
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, badURL(raw, err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.PoolSize, o.PoolTimeout = poolSize, poolTimeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
	o.Dialer = dialer(o.TLSConfig)
	return redis.NewClient(o), nil
}

func dialer(c *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return newConnTracker(redis.NewDialer(&redis.Options{DialTimeout: dialTimeout, TLSConfig: c})).connect
}

// badURL keeps the password, which the driver's error may quote, out of ours.
func badURL(raw string, err error) error {
	return fmt.Errorf("REDIS_URL for %s: %s", address(raw), strings.ReplaceAll(err.Error(), raw, "the address"))
}

// Address is where the rooms are, without a password. It is empty for the
// built-in Redis.
func (s *Store) Address() string {
	if s.local != nil {
		return ""
	}
	return address(s.opts.URL)
}

// address is the part of a Redis URL that may be shown.
func address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that is none"
	}
	hosts := append([]string{u.Host}, u.Query()["addr"]...)
	return strings.Join(hosts, ", ")
}
