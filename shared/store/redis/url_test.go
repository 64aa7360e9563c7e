package redis_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"pgregory.net/rapid"
)

func TestAddressIsReadAsPeopleWriteIt(t *testing.T) {
	for _, tt := range []struct{ raw, user, password, rest string }{
		{"redis://localhost", "", "", "localhost"},
		{"redis://:#secret@localhost:6379", "", "#secret", "localhost:6379"},
		{"redis://u:a/b?c#d@host:1/2?db=3", "u", "a/b?c#d", "host:1/2?db=3"},
		{"redis://u:a%2Fb%40c@host", "u", "a/b@c", "host"},
		{"redis://u:100%@host", "u", "100%", "host"},
		{"redis://u:p@ss@host", "u", "p@ss", "host"},
		{"redis://u:p@host?client_name=a@b", "u", "p", "host?client_name=a@b"},
		{"redis://host:1?client_name=a@b", "", "", "host:1?client_name=a@b"},
		{"redis://only@host", "only", "", "host"},
		{" redis://u:p@host:1\n", "u", "p", "host:1"},
		{`"redis://u:p@host:1"`, "u", "p", "host:1"},
		{`'redis://u:p@host:1'`, "u", "p", "host:1"},
		{"valkey://u:p@host:1", "u", "p", "host:1"},
		{"redis://[::1]:6379/0", "", "", "[::1]:6379/0"},
		{"redis://s1:26379?master_name=m&addr=s2:26379", "", "", "s1:26379?master_name=m&addr=s2:26379"},
	} {
		got, err := redis.ParseURL(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
			continue
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Errorf("%s became %s: %v", tt.raw, got, err)
			continue
		}
		password, _ := u.User.Password()
		if u.User.Username() != tt.user || password != tt.password || !strings.HasSuffix(got, tt.rest) || u.Scheme != "redis" {
			t.Errorf("%s became %s", tt.raw, got)
		}
	}
	if got, err := redis.ParseURL("valkeys://host"); got != "rediss://host" {
		t.Errorf("valkeys:// became %s, %v", got, err)
	}
}

func TestAnyPasswordIsTakenAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringMatching(`[!-~]{1,12}`).Filter(func(s string) bool { return !strings.Contains(s, "%") }).Draw(t, "password")
		got, err := redis.ParseURL("redis://:" + want + "@host:6379/1")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if password, _ := u.User.Password(); password != want || u.Host != "host:6379" || u.Path != "/1" {
			t.Fatalf("%q became %s", want, got)
		}
	})
}

func TestBadAddressIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for raw, want := range map[string]string{
		"":                                    "not an address like",
		"localhost:6379":                      "not an address like",
		"http://u:%s@host":                    "begins with http://",
		"redis://u:%s@ho st":                  "what follows the password",
		"redis://u:%s@host:x":                 "what follows the password",
		"redis://u:%s@host/x":                 "what follows the password",
		"redis://u:%s\n@host":                 "control character",
		"redis://u:%s@host?no=such":           "no",
		"redis://u:%s@127.0.0.1:1/0?pool=%%x": "",
	} {
		if strings.Contains(raw, "%s") {
			raw = fmt.Sprintf(raw, secret)
		}
		_, err := redis.Open(t.Context(), store.Options{URL: raw})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "REDIS_URL") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// Whatever an address asks for, a connection that takes long is given up, and
// no command is sent twice.
func TestEveryKindOfClientIsBounded(t *testing.T) {
	type bounds struct {
		retries, dials, pool    int
		free, dial, read, write time.Duration
		contextEnds, ownDialer  bool
		maintenance             maintnotifications.Mode
	}
	want := bounds{0, 1, 16, time.Second, time.Second, 1500 * time.Millisecond, 1500 * time.Millisecond, true, true, maintnotifications.ModeDisabled}
	for _, address := range []string{"redis://host", "redis://host?master_name=m", "redis://host?cluster=true", "redis://host?addr=other:1"} {
		if !strings.Contains(address, "?") {
			address += "?"
		}
		rdb, err := redis.DialAt(address + "&read_timeout=-1&write_timeout=1h&dial_timeout=1h&pool_size=1&pool_timeout=1h&max_retries=9")
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		var got bounds
		switch c := rdb.(type) {
		case *goredis.Client:
			o := c.Options()
			got = bounds{o.MaxRetries, o.DialerRetries, o.PoolSize, o.PoolTimeout, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled, o.Dialer != nil, o.MaintNotificationsConfig.Mode}
		case *goredis.ClusterClient:
			o := c.Options()
			got = bounds{o.MaxRetries, o.DialerRetries, o.PoolSize, o.PoolTimeout, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled, o.Dialer != nil, o.MaintNotificationsConfig.Mode}
			got.retries = max(got.retries, 0)
		}
		if got != want {
			t.Errorf("%s is bounded by %+v, want %+v", address, got, want)
		}
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	}
}
