package redis

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

var (
	errNoURL = errors.New("REDIS_URL is not an address like redis://host:6379")

	schemes = map[string]string{"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}

	schemePattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
	// hostPattern is host:port/number, which follows the password.
	hostPattern = regexp.MustCompile(`^(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?(/[0-9]*)?$`)
)

// parseURL reads an address of Redis as people write it: a password may hold
// any character, escaped or not, and what an env file leaves around the value
// (quotes, a line break) does no harm. Its errors hold nothing of the password.
//
// Decision: our own lines instead of net/url alone, to which '#', '/' and '?'
// end the password, so that it connects elsewhere and shows the rest.
func parseURL(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	for _, quote := range []string{`"`, `'`} {
		if len(raw) > 1 && strings.HasPrefix(raw, quote) && strings.HasSuffix(raw, quote) {
			raw = raw[1 : len(raw)-1]
		}
	}
	if strings.ContainsFunc(raw, unicode.IsControl) {
		return nil, errors.New("REDIS_URL holds a line break or another control character: an address is one line")
	}
	name, rest, ok := strings.Cut(raw, "://")
	if !ok || !schemePattern.MatchString(name) {
		return nil, errNoURL
	}
	scheme, ok := schemes[name]
	if !ok {
		return nil, fmt.Errorf("REDIS_URL begins with %s://: it may be redis:// or valkey://, rediss:// or valkeys:// for TLS, or unix://", name)
	}
	if scheme == "unix" {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, errNoURL
		}
		return u, nil
	}
	login, host, query := split(rest)
	if !hostPattern.MatchString(host) {
		return nil, errors.New("REDIS_URL: what follows the password is not host:port/number, as in redis://user:password@host:6379/0")
	}
	u := &url.URL{Scheme: scheme, RawQuery: query}
	u.Host, u.Path, _ = strings.Cut(host, "/")
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	if login != "" {
		user, password, has := strings.Cut(login, ":")
		u.User = url.User(unescape(user))
		if has {
			u.User = url.UserPassword(unescape(user), unescape(password))
		}
	}
	return u, nil
}

// split finds where the password ends: at the last '@', unless that is one in a
// query behind a host.
func split(rest string) (login, host, query string) {
	base, query, _ := strings.Cut(rest, "?")
	at := strings.LastIndex(base, "@")
	if hostPattern.MatchString(base[at+1:]) && isQuery(query) {
		return base[:max(0, at)], base[at+1:], query
	}
	at = strings.LastIndex(rest, "@")
	host, query, _ = strings.Cut(rest[at+1:], "?")
	return rest[:max(0, at)], host, query
}

func isQuery(s string) bool {
	for part := range strings.SplitSeq(s, "&") {
		if part != "" && !strings.Contains(part, "=") {
			return false
		}
	}
	return true
}

// unescape takes a text that is not escaped as it is.
func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}
