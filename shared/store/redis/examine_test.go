package redis_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/testenv"
)

// examined is what one check says.
func examined(t *testing.T, opts store.Options, check string) (all []redis.Finding) {
	t.Helper()
	_, findings, err := redis.Examine(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Check == check {
			all = append(all, f)
		}
		if strings.Contains(f.Said, "\n") || strings.Contains(f.Said, "secret") {
			t.Errorf("%s says %q", f.Check, f.Said)
		}
	}
	return all
}

// finds fails unless a check says something of this kind, at this level.
func finds(t *testing.T, opts store.Options, check string, level redis.Level, says string) {
	t.Helper()
	all := examined(t, opts, check)
	for _, f := range all {
		if f.Level == level && regexp.MustCompile(says).MatchString(f.Said) {
			return
		}
	}
	t.Errorf("%s does not say %s %q, but %v", check, level, says, all)
}

func TestExaminationFindsWhatIsSetUpWrongly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args  []string
		opts  store.Options
		do    [][]any // before
		check string
		level redis.Level
		says  string
	}{
		"evicts rooms":         {[]string{"--maxmemory", "200mb", "--maxmemory-policy", "allkeys-lru"}, store.Options{}, nil, "memory", redis.Fault, "allkeys-lru: a full Redis forgets rooms; set maxmemory-policy noeviction"},
		"would evict rooms":    {[]string{"--maxmemory-policy", "allkeys-lfu"}, store.Options{}, nil, "memory", redis.Note, "as soon as maxmemory is set"},
		"evicts what expires":  {[]string{"--maxmemory", "200mb", "--maxmemory-policy", "volatile-lru"}, store.Options{Retention: time.Hour}, nil, "memory", redis.Fault, "forgets rooms"},
		"evicts keys of posts": {[]string{"--maxmemory", "200mb", "--maxmemory-policy", "volatile-ttl"}, store.Options{}, nil, "memory", redis.Note, "is there twice"},
		"is full":              {nil, store.Options{}, [][]any{{"CONFIG", "SET", "maxmemory", "1"}}, "posts", redis.Fault, "refused now: .*raise maxmemory"},
		"is nearly full":       {nil, store.Options{}, [][]any{{"SET", "filler", strings.Repeat("x", 20<<20)}, {"CONFIG", "SET", "maxmemory", "23mb"}}, "memory", redis.Note, "of 23 MB are used.*raise maxmemory"},
		"closes the idle":      {[]string{"--timeout", "5"}, store.Options{}, nil, "connections", redis.Note, "timeout is 5: .*set timeout 0"},
		"has no place":         {[]string{"--maxclients", "6"}, store.Options{}, nil, "connections", redis.Note, "raise maxclients"},
		"keeps nothing":        {nil, store.Options{}, nil, "disk", redis.Fault, "a restart loses all rooms; set appendonly yes"},
		"keeps snapshots":      {[]string{"--save", "3600", "1"}, store.Options{}, nil, "disk", redis.Note, "since the last snapshot; set appendonly yes"},
		"syncs never":          {[]string{"--appendonly", "yes", "--appendfsync", "no"}, store.Options{}, nil, "disk", redis.Note, "appendfsync is no"},
		"keeps all":            {[]string{"--appendonly", "yes", "--appendfsync", "always"}, store.Options{}, nil, "disk", redis.Fine, "before it is answered"},
		"is shared":            {nil, store.Options{}, [][]any{{"SET", "session:1", "x"}, {"SET", "session:2", "x"}}, "shared", redis.Note, `2 keys of others .*"session"`},
		"has another chat":     {nil, store.Options{}, [][]any{{"SET", "staging:0:version", "2"}}, "shared", redis.Note, "other chats are on this database .staging:0."},
		"has an older chat":    {nil, store.Options{}, [][]any{{"SET", "confab:0:version", "1"}}, "keys", redis.Fault, `is of version "1".*KEY_PREFIX`},
		"is a replica":         {[]string{"--replicaof", "127.0.0.1", "1"}, store.Options{}, nil, "role", redis.Fault, "a replica of 127.0.0.1:1.*name the primary"},
		"misses replicas":      {nil, store.Options{Durability: "replicas"}, nil, "replicas", redis.Fault, "DURABILITY is replicas: posts are refused"},
		"wants replicas":       {[]string{"--min-replicas-to-write", "1"}, store.Options{}, nil, "posts", redis.Fault, "min-replicas-to-write"},
		"is alone":             {nil, store.Options{}, nil, "replicas", redis.Note, "if this machine is lost"},
		"misses a command":     {[]string{"--rename-command", "XTRIM", ""}, store.Options{}, nil, "posts", redis.Fault, "would not start: .*rename-command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startRedis(t, tt.args...)
			for _, command := range tt.do {
				srv.do(command...)
			}
			tt.opts.URL = srv.url()
			finds(t, tt.opts, tt.check, tt.level, tt.says)
		})
	}
}

func TestExaminationLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	srv := startRedis(t, "--appendonly", "yes")
	_, findings, err := redis.Examine(t.Context(), store.Options{URL: srv.url()})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Level == redis.Fault {
			t.Errorf("%s: %s", f.Check, f.Said)
		}
	}
	if keys := srv.do("KEYS", "*").([]any); len(keys) > 0 {
		t.Errorf("an examination leaves %v", keys)
	}
}

func TestExaminationOfAUserWhoMayLittle(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	srv.do("ACL", "SETUSER", "chat", "on", ">secret", "~*", "&*", "+@all", "-@admin", "-@dangerous", "-publish")
	opts := store.Options{URL: "redis://chat:secret@" + srv.addr()}
	finds(t, opts, "posts", redis.Fault, "ACL SETUSER chat")
	finds(t, opts, "version", redis.Note, `allow the user \+info`)
	srv.do("ACL", "SETUSER", "chat", "+publish", "+info")
	finds(t, opts, "posts", redis.Fine, "")
	finds(t, opts, "connections", redis.Note, "may not CONFIG GET")
	finds(t, store.Options{URL: "redis://chat:wrong@" + srv.addr()}, "address", redis.Fault, "another password")
}

func TestExaminationOfADiskThatTakesNothing(t *testing.T) {
	t.Parallel()
	srv := startRedis(t, "--save", "3600", "1", "--stop-writes-on-bgsave-error", "yes", "--dbfilename", "rooms.rdb")
	srv.do("SET", "confab:0:name:x", "x")
	if err := os.Mkdir(filepath.Join(srv.dir, "rooms.rdb"), 0o700); err != nil { // what is in the way of a snapshot
		t.Fatal(err)
	}
	srv.do("BGSAVE")
	eventually(t, patience, "a snapshot fails", func() error {
		if srv.info("rdb_last_bgsave_status") != "err" {
			return errNotYet
		}
		return nil
	})
	opts := store.Options{URL: srv.url()}
	finds(t, opts, "disk", redis.Fault, "a snapshot failed: see its log")
	finds(t, opts, "posts", redis.Fault, "refused now: .*it cannot save")
	s := open(t, opts) // it may be read, and may mend
	unavailable(t, s)
}

func TestExaminationOfReplicas(t *testing.T) {
	t.Parallel()
	nodes := replicated(t, 2)
	opts := store.Options{URL: nodes[0].url()}
	finds(t, opts, "durability", redis.Note, "DURABILITY is primary: a failover")
	finds(t, opts, "replicas", redis.Fine, "2 of 2 replicas keep up")
	opts.Durability = "majority"
	finds(t, opts, "durability", redis.Fine, "have acknowledged a write")
	nodes[2].signal(testenv.Freeze)
	finds(t, opts, "durability", redis.Fault, "posts are refused")
	finds(t, opts, "replicas", redis.Fault, "the replica "+nodes[2].addr()+" does not tell this machine")
	eventually(t, patience, "its silence shows", func() error {
		for _, f := range examined(t, opts, "replicas") {
			if f.Level == redis.Note && strings.Contains(f.Said, "has not answered for") {
				return nil
			}
		}
		return errNotYet
	})
	nodes[2].signal(testenv.Thaw)
	nodes[2].kill()
	finds(t, opts, "replicas", redis.Note, "1 replicas follow, and there were 2")
}

func TestExaminationComparesClocks(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	for off, want := range map[time.Duration]redis.Finding{
		0:                {Level: redis.Fine, Said: "agree"},
		5 * time.Second:  {Level: redis.Note, Said: `^its clock is (4\.9|5).*s ahead of this machine's`},
		-5 * time.Second: {Level: redis.Note, Said: `^its clock is (4\.9|5).*s behind this machine's`},
		time.Hour:        {Level: redis.Fault, Said: `^its clock is (59m59|1h0m0).* ahead of`},
	} {
		between := newRewritingLink(t, srv.addr(), func(said []byte) []byte { return elsewhen(said, off) })
		finds(t, store.Options{URL: "redis://" + between.addr()}, "clock", want.Level, want.Said)
	}
}

var timeReply = regexp.MustCompile(`^\*2\r\n\$10\r\n(\d{10})\r\n`)

// elsewhen is an answer to TIME of a Redis whose clock is off.
func elsewhen(said []byte, off time.Duration) []byte {
	at := timeReply.FindSubmatchIndex(said)
	if at == nil {
		return said
	}
	seconds, _ := strconv.ParseInt(string(said[at[2]:at[3]]), 10, 64)
	return slices.Concat(said[:at[2]], strconv.AppendInt(nil, seconds+int64(off/time.Second), 10), said[at[3]:])
}

// Each primary of a Cluster is looked at, and named where something is wrong.
func TestExaminationOfACluster(t *testing.T) {
	t.Parallel()
	g := cluster(t)
	opts := store.Options{URL: g.url}
	for _, check := range []string{"version", "memory", "clock", "replicas"} {
		if all := examined(t, opts, check); len(all) != 3 {
			t.Errorf("%s is said of %d primaries: %v", check, len(all), all)
		}
	}
	finds(t, opts, "posts", redis.Fine, "published, received, read")
	g.nodes[1].do("CONFIG", "SET", "appendfsync", "no")
	g.nodes[2].do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	finds(t, opts, "disk", redis.Note, "^"+g.nodes[1].addr()+": appendfsync is no")
	finds(t, opts, "memory", redis.Note, "^"+g.nodes[2].addr()+": .*allkeys-lru")
	if keys := g.nodes[0].do("KEYS", "*").([]any); len(keys) > 0 {
		t.Errorf("an examination leaves %v", keys)
	}
	finds(t, store.Options{URL: g.url, Durability: "replicas"}, "durability", redis.Fine, "have acknowledged a write")
}
