package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/store"
	"confab/shared/web"

	"github.com/caarlos0/env/v11"
)

const (
	sessionLife = 30 * 24 * time.Hour
	keyFile     = "session.key"
	keyBytes    = 32
	secretBytes = 16 // of PROXY_SECRET

	reportsPerSecond = 1.0 / 60 // of one of the posters of an address, in the long run
	reportBurst      = 1        // at once
)

// A Config is what an operator may set: the environment, under the same names
// wherever it runs. 0 lifts a limit.
type Config struct {
	Addr        string `env:"ADDR"`         // where the server listens; empty: :8080, or :443 for HTTPS
	MetricsAddr string `env:"METRICS_ADDR"` // where /metrics is served; empty: nowhere
	HTTPS       HTTPS
	SignIn      SignIn

	NotifySocket string `env:"NOTIFY_SOCKET"` // set by systemd, which is told there that we are ready

	RedisURL     string        `env:"REDIS_URL"`                           // empty: the built-in store, in the server only
	KeyPrefix    string        `env:"KEY_PREFIX" envDefault:"confab"`      // what all keys and channels of Redis begin with
	RedisCA      string        `env:"REDIS_TLS_CA"`                        // who signed Redis's certificate: a file in PEM, or its text
	RedisCert    string        `env:"REDIS_TLS_CERT"`                      // a certificate of ours, where Redis asks for one
	RedisKey     string        `env:"REDIS_TLS_KEY"`                       // its key
	DataDir      string        `env:"DATA_DIR" envDefault:".confab"`       // of the built-in store and of a session key made here
	Durability   string        `env:"DURABILITY" envDefault:"primary"`     // which servers have a message when it is acknowledged: primary, majority (of it and its replicas), replicas, or replicas:2 for two of them
	History      int           `env:"HISTORY" envDefault:"10000"`          // events that a room keeps, about
	HistoryBytes int           `env:"HISTORY_BYTES" envDefault:"16777216"` // bytes of events that a room keeps, about
	Retention    time.Duration `env:"RETENTION"`                           // how long a room keeps an event, about

	SessionKeys    []string       `env:"SESSION_KEYS"`             // the first signs, all are good; at least 32 bytes each
	PublicOrigin   string         `env:"PUBLIC_ORIGIN"`            // the address that people type, as https://chat.example.org
	AllowedOrigins []string       `env:"ALLOWED_ORIGINS"`          // other sites whose pages may use us, each as https://www.example.org
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES"`          // the peers whose X-Forwarded-* headers are believed
	ProxySecret    string         `env:"PROXY_SECRET"`             // whoever sends it as X-Proxy-Secret is believed too; at least 16 bytes
	Operators      []string       `env:"OPERATORS"`                // the ids of users who own every room, beside those with an operator's token
	Guests         string         `env:"GUESTS" envDefault:"read"` // what visitors without a name may do: read or none

	StreamSeconds     int     `env:"STREAM_SECONDS"`                      // how long a stream lives; 0: until one side ends it
	PingSeconds       int     `env:"PING_SECONDS" envDefault:"15"`        // a stream pings when nothing else was sent for so long; 5 to 60, and a stream may ask for another
	StreamMode        string  `env:"STREAM_MODE"`                         // of functions. buffered: their front door passes on whole answers only; server: a server answers what is read
	SAMLocal          bool    `env:"AWS_SAM_LOCAL"`                       // set by sam local, which buffers too
	PostsPerSecond    float64 `env:"POSTS_PER_SECOND" envDefault:"1"`     // of one user in one room, in the long run
	PostBurst         int     `env:"POST_BURST" envDefault:"10"`          // of one user in one room, at once
	PostsPerDay       *int    `env:"POSTS_PER_DAY"`                       // of one address in a room that another user began and its user does not moderate; not set: a quarter of HISTORY
	RoomsPerDay       int     `env:"ROOMS_PER_DAY" envDefault:"100"`      // that one address begins
	PostersPerAddress int     `env:"POSTERS_PER_ADDRESS" envDefault:"64"` // an address may post as often as so many users in a room
	LoginsPerSecond   float64 `env:"LOGINS_PER_SECOND" envDefault:"2"`    // from one address, in the long run
	LoginBurst        int     `env:"LOGIN_BURST" envDefault:"100"`        // from one address, at once
	StreamsPerUser    int     `env:"STREAMS_PER_USER" envDefault:"8"`
	StreamsPerAddress int     `env:"STREAMS_PER_ADDRESS" envDefault:"64"`
}

// FromEnv reads the environment. It is the only function that does.
func FromEnv() (Config, error) {
	var cfg Config
	err := env.Parse(&cfg)
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	if p, ok := errors.AsType[env.ParseError](err); ok {
		field, _ := reflect.TypeFor[Config]().FieldByName(p.Name)
		return cfg, fmt.Errorf("%s: %w", field.Tag.Get("env"), p.Err)
	}
	if err != nil {
		return cfg, fmt.Errorf("environment: %w", err)
	}
	cfg.complete()
	return cfg, errors.Join(cfg.HTTPS.check(), cfg.SignIn.check(cfg), cfg.check())
}

func (c Config) check() error {
	switch {
	case c.Guests != "read" && c.Guests != "none":
		return fmt.Errorf("GUESTS is %q: it may be read or none", c.Guests)
	case c.StreamMode != "" && c.StreamMode != "buffered" && c.StreamMode != "server":
		return fmt.Errorf("STREAM_MODE is %q: it may be buffered or server, or not set", c.StreamMode)
	case c.PublicOrigin != "" && !validOrigin(c.PublicOrigin):
		return fmt.Errorf("PUBLIC_ORIGIN is %q: it is a scheme and a host, as https://chat.example.org", c.PublicOrigin)
	case slices.ContainsFunc(c.AllowedOrigins, func(s string) bool { return !isOrigin(s) }):
		return fmt.Errorf("ALLOWED_ORIGINS is %q: it is a list of a scheme and a host each, as https://www.example.org,https://app.example.org; there is no pattern for all", strings.Join(c.AllowedOrigins, ","))
	case slices.ContainsFunc(c.Operators, func(s string) bool { return !userPattern.MatchString(s) }):
		return fmt.Errorf("OPERATORS is %q: it is a list of users' ids, as u_2z4f6y…, which GET /login tells; a name is nobody's", strings.Join(c.Operators, ","))
	case !prefixPattern.MatchString(c.KeyPrefix):
		return fmt.Errorf("KEY_PREFIX is %q: it is 1 to 32 of a-z A-Z 0-9 . _ -", c.KeyPrefix)
	case c.ProxySecret != "" && len(c.ProxySecret) < secretBytes:
		return fmt.Errorf("PROXY_SECRET has %d bytes: it needs at least %d, or is not set", len(c.ProxySecret), secretBytes)
	case c.PingSeconds < web.MinPing || c.PingSeconds > web.MaxPing:
		return fmt.Errorf("PING_SECONDS is %d: it may be from %d to %d", c.PingSeconds, web.MinPing, web.MaxPing)
	case c.History < 0 || c.HistoryBytes < 0 || c.Retention < 0 || c.StreamSeconds < 0 || c.PostsPerSecond < 0 || c.PostBurst < 0 || c.postsPerDay() < 0 || c.RoomsPerDay < 0 || c.PostersPerAddress < 0 || c.LoginsPerSecond < 0 || c.LoginBurst < 0 || c.StreamsPerUser < 0 || c.StreamsPerAddress < 0:
		return errors.New("a limit is negative: HISTORY, HISTORY_BYTES, RETENTION, STREAM_SECONDS, POSTS_PER_SECOND, POST_BURST, POSTS_PER_DAY, ROOMS_PER_DAY, POSTERS_PER_ADDRESS, LOGINS_PER_SECOND, LOGIN_BURST, STREAMS_PER_USER and STREAMS_PER_ADDRESS are 0 (no limit) or more")
	}
	return nil
}

// userPattern is the form of a user's id. A name may look like anything else.
var userPattern = regexp.MustCompile(`^u_[a-z0-9_-]{8,64}$`)

// prefixPattern leaves out what has a meaning in a key, or in a pattern of keys.
var prefixPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,32}$`)

func validOrigin(s string) bool {
	return isOrigin(s) && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"))
}

// isOrigin reports whether s is an origin as browsers send it: an app's web view
// has a scheme of its own, such as capacitor://localhost.
func isOrigin(s string) bool {
	scheme, host, ok := strings.Cut(s, "://")
	return ok && scheme != "" && host != "" && !strings.ContainsAny(s, "*?# ") && !strings.Contains(host, "/")
}

// keys are the session keys; without any, one that is made here and kept in
// the data folder.
func (c Config) keys() ([][]byte, error) {
	var keys [][]byte
	for _, k := range c.SessionKeys {
		k = strings.TrimSpace(k)
		if len(k) < keyBytes {
			return nil, fmt.Errorf("SESSION_KEYS has a key of %d bytes: each needs at least %d", len(k), keyBytes)
		}
		keys = append(keys, []byte(k))
	}
	if len(keys) > 0 {
		return keys, nil
	}
	key, err := ownKey(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: session key: %w", err)
	}
	return [][]byte{key}, nil
}

func ownKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, keyFile)
	key, err := os.ReadFile(path)
	if err == nil && len(key) < keyBytes {
		return nil, fmt.Errorf("%s is damaged: remove it, and everybody signs in anew", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return makeKey(dir, path)
}

// makeKey writes the whole file or none. If the disk was full at the first
// start, half a key would stop every later one.
func makeKey(dir, path string) (key []byte, err error) {
	f, err := os.CreateTemp(dir, keyFile+".*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	key = []byte(rand.Text() + rand.Text())
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) { // another server was quicker
		return os.ReadFile(path)
	}
	return key, err
}

// A secretKeeper is a store that several servers may share.
type secretKeeper interface {
	// Secret keeps a secret that all servers have to know, the first one that
	// is offered, and returns it.
	Secret(ctx context.Context, name string, offer []byte) ([]byte, error)
}

// share has the servers of one store sign with the same key where none was set.
// Otherwise a login at one server would be unknown to the next.
func (c Config) share(ctx context.Context, st store.Store, keys [][]byte) ([][]byte, error) {
	keeper, ok := st.(secretKeeper)
	if !ok || len(c.SessionKeys) > 0 {
		return keys, nil
	}
	key, err := keeper.Secret(ctx, "session-key", keys[0])
	if err == nil && len(key) < keyBytes {
		err = errors.New("it is damaged")
	}
	if err != nil {
		return nil, fmt.Errorf("session key that the servers share: %w: set SESSION_KEYS", err)
	}
	return [][]byte{key}, nil
}

func (c Config) Rooms(log *slog.Logger) store.Options {
	return store.Options{
		URL: c.RedisURL, Prefix: c.KeyPrefix, TLS: store.TLS{CA: c.RedisCA, Cert: c.RedisCert, Key: c.RedisKey}, Dir: c.DataDir, History: c.History, HistoryBytes: c.HistoryBytes, Retention: c.Retention,
		Durability: c.Durability, PostsPerSecond: c.PostsPerSecond, PostBurst: c.PostBurst,
		PostsPerDay: c.postsPerDay(), RoomsPerDay: c.RoomsPerDay, Log: log,
	}
}

// historyShare is the part of a room's history that one address fills in a day.
const historyShare = 4

func (c Config) postsPerDay() int {
	switch {
	case c.PostsPerDay != nil:
		return *c.PostsPerDay
	case c.History <= 0:
		return 0
	}
	return max(1, c.History/historyShare)
}

func (c Config) web(log *slog.Logger, st store.Store, h *hub.Hub, signer *identity.Signer) web.Config {
	logins := store.Rate{PerSecond: c.LoginsPerSecond, Burst: c.LoginBurst}
	posts := store.Rate{PerSecond: c.PostsPerSecond * float64(c.PostersPerAddress), Burst: c.PostBurst * c.PostersPerAddress}
	reports := store.Rate{PerSecond: reportsPerSecond * float64(c.PostersPerAddress), Burst: reportBurst * c.PostersPerAddress}
	return web.Config{
		AllowPost:   func(address string) error { return st.AllowSoon("post", address, posts) },
		AllowTyping: func(address string) error { return st.AllowSoon("typing", address, posts) },
		AllowReport: func(address string) error { return st.AllowSoon("report", address, reports) },
		AllowSearch: func(address string) error { return st.AllowSoon("search", address, posts) },
		AllowLogin:  func(ctx context.Context, address string) error { return st.Allow(ctx, "login", address, logins) },
		Once: func(ctx context.Context, word string, life time.Duration) error {
			return st.Allow(ctx, "once", word, store.Rate{PerSecond: 1 / life.Seconds(), Burst: 1})
		},
		Log: log, Rooms: st, Hub: h, Users: signer,
		Guests: c.Guests == "read", Origin: c.PublicOrigin, AllowedOrigins: c.AllowedOrigins, Proxies: c.TrustedProxies, ProxySecret: c.ProxySecret,
		Operators: c.Operators, SignIn: c.SignIn.ways(), UserHeader: c.SignIn.UserHeader,
		StreamsPerUser: c.StreamsPerUser, StreamsPerAddress: c.StreamsPerAddress,
		StreamFor: time.Duration(c.StreamSeconds) * time.Second, Ping: time.Duration(c.PingSeconds) * time.Second, Sockets: c.StreamMode == "server",
	}
}
