package redis

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// errRefusesWrites is of a Redis that takes no posts for now, by no fault of
// how it is set up for us: it may be read, and may mend.
var errRefusesWrites = errors.New("redis refuses writes")

// refusals are how Redis says so, and what to do about it.
var refusals = []struct{ prefix, remedy string }{
	{"OOM", "it has no memory left: raise maxmemory"},
	{"NOREPLICAS", "fewer replicas follow it than min-replicas-to-write"},
	{"MISCONF", "it cannot save to its disk: see its log, or set stop-writes-on-bgsave-error no"},
}

// Rule is the least that Redis has to let our user do.
func (t target) rule(prefix string) string {
	pattern := prefix + ":*"
	return fmt.Sprintf("ACL SETUSER %s ~%s resetchannels &%s +@read +@write +@pubsub +@scripting +@connection -@dangerous +info +time +cluster|slots +cluster|shards",
		cmp.Or(t.user, "default"), pattern, pattern)
}

// explain adds to an error of Redis what it means and what mends it.
func (s *Store) explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	has := func(word string) bool { return strings.Contains(text, word) }
	for _, r := range refusals {
		if has(r.prefix + " ") {
			return fmt.Errorf("%w: %s (%w)", errRefusesWrites, r.remedy, err)
		}
	}
	switch {
	case has("NOPERM") || has("The user executing the script can't") || has("ACL failure in script"): // 6, 7.0, later
		return fmt.Errorf("REDIS_URL: the user may not do what is needed at %s (%w): %s", s.Address(), err, s.rule(s.prefix()))
	case has("READONLY"):
		return fmt.Errorf("REDIS_URL: %s is a replica, which takes no posts: name the primary, or its Sentinels with ?master_name=", s.Address())
	case has("unknown command") || has("Unknown Redis command") || has("Unknown command"): // the last is Valkey's
		return fmt.Errorf("REDIS_URL: %s misses a command (%w): it is older than 6.2, or rename-command in its configuration hides it", s.Address(), err)
	case has("WRONGPASS") || has("NOAUTH"):
		return fmt.Errorf("REDIS_URL: %s takes another password or user name", s.Address())
	case redis.HasErrorPrefix(err, "DENIED"):
		return fmt.Errorf("REDIS_URL: %s takes connections from its own machine only (protected-mode): give it a password or bind it", s.Address())
	}
	return err
}

func (s *Store) prefix() string { return cmp.Or(s.opts.Prefix, defaultPrefix) }
