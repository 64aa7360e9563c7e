package redis_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/testenv"
)

// unavailable asks for a post and for reading, which must fail in time, and
// say when to come back.
func unavailable(t *testing.T, s *redis.Store) {
	t.Helper()
	begun := time.Now()
	_, _, err := s.Append(context.Background(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "lost?"})
	var retry *chat.RetryError
	if !errors.Is(err, chat.ErrUnavailable) || !errors.As(err, &retry) || retry.After <= 0 {
		t.Errorf("append: %v", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("append was answered after %v", took)
	}
}

// back posts until it is taken, as a page does: under one key.
func back(t *testing.T, s *redis.Store, within time.Duration) chat.Event {
	t.Helper()
	key := rand.Text()
	var ev chat.Line
	eventually(t, within, "posts flow", func() (err error) {
		ev, _, err = s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "back", Key: key})
		return err
	})
	return ev.Event
}

func TestEveryRefusalOfRedisIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		ail, end []any
	}{
		{"out of memory", []any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		{"a replica", []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
		{"too few replicas", []any{"CONFIG", "SET", "min-replicas-to-write", "3"}, []any{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		{"paused", []any{"CLIENT", "PAUSE", "60000", "WRITE"}, []any{"CLIENT", "UNPAUSE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := startRedis(t)
			s := open(t, store.Options{URL: srv.url()})
			say(t, s, ann, "before")
			srv.do(tt.ail...)
			unavailable(t, s)
			srv.do(tt.end...)
			back(t, s, time.Second)
		})
	}
}

func TestAllowIsShutAndAllowSoonOpenWithoutRedis(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url()})
	srv.kill()
	rate := store.Rate{PerSecond: 0.01, Burst: 32}
	if err := s.Allow(t.Context(), "login", "me", rate); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("login: %v", err)
	}
	for range 32 {
		if err := s.AllowSoon("post", "me", rate); err != nil {
			t.Fatalf("post: %v", err)
		}
	}
	refusedSoon(t, s, "me", rate)
	if err := s.AllowSoon("post", "you", rate); err != nil {
		t.Errorf("another's post: %v", err)
	}
}

// refusedSoon posts a few more, of which one must be too many.
func refusedSoon(t *testing.T, s *redis.Store, who string, rate store.Rate) {
	t.Helper()
	posted := 0
	eventually(t, 5*time.Second, "a refusal", func() error {
		err := s.AllowSoon("post", who, rate)
		var retry *chat.RetryError
		if errors.Is(err, chat.ErrTooMany) && errors.As(err, &retry) && retry.After > 0 {
			return nil
		}
		posted++
		return fmt.Errorf("post: %w", cmp.Or(err, errors.New("let by")))
	})
	if posted > rate.Burst {
		t.Errorf("%d posts were let by after the burst", posted)
	}
}

func TestScriptsAreSentAgainToARedisThatForgotThem(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url(), PostsPerSecond: 1, PostBurst: 100})
	say(t, s, ann, "before")
	for range 5 {
		srv.do("SCRIPT", "FLUSH")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { say(t, s, ann, "after") })
		}
		wg.Wait()
		must(s.Here(t.Context(), "s1", room, ann, bob))(t)
		if err := s.Signal(t.Context(), chat.Signal{Room: room, Kind: chat.Typing, By: &ann}); err != nil {
			t.Error(err)
		}
	}
	evs := must(s.Since(t.Context(), room, chat.ID{}, 100))(t)
	chained(t, chat.ID{}, evs)
	if len(evs) != 51 {
		t.Errorf("%d events, want 51", len(evs))
	}
}

func TestStoppedRedisFailsPostsInTimeAndLosesNothing(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url()})
	say(t, s, ann, "before")
	tp := follow(t.Context(), t, s)
	srv.signal(testenv.Freeze)
	var wg sync.WaitGroup
	for range 300 { // more than a batch
		wg.Go(func() { unavailable(t, s) })
	}
	wg.Wait()
	srv.signal(testenv.Thaw)
	ev := back(t, s, 2*time.Second)
	tp.Await(2*time.Second, "the line after", func() bool { return tp.Last == ev.ID })
	if len(tp.Resets) > 0 {
		t.Errorf("resets: %v", tp.Resets)
	}
	chained(t, tp.Events[0].Prev, tp.Events)
}

func TestKilledRedisComesBackWithEveryLine(t *testing.T) {
	t.Parallel()
	srv := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := open(t, store.Options{URL: srv.url()})
	other := open(t, store.Options{URL: srv.url()})
	tp := follow(t.Context(), t, other)
	var want []chat.ID
	for round := range 3 {
		for i := range 20 {
			want = append(want, say(t, s, ann, fmt.Sprint(round, "-", i)).ID)
		}
		srv.kill()
		unavailable(t, s)
		srv.start()
		eventually(t, time.Second, "posts flow", func() error {
			ev, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "back", Key: fmt.Sprint("back", round)})
			if err == nil {
				want = append(want, ev.ID)
			}
			return err
		})
		tp.Hears(2*time.Second, want...)
	}
}

func TestKilledSubscriptionsAreMadeAgain(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, other := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	tp := follow(t.Context(), t, s)
	var want []chat.ID
	for range 20 {
		want = append(want, say(t, other, ann, "x").ID)
		srv.do("CLIENT", "KILL", "TYPE", "pubsub")
		want = append(want, say(t, other, ann, "y").ID)
	}
	tp.Hears(3*time.Second, want...)
}

// All connections stand and are dead, those of the pool too; new ones answer.
func TestHalfOpenConnectionsAreFoundOut(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	tlsPort := freePort(t)
	srv := startRedis(t, "--tls-port", tlsPort, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	for name, way := range map[string]struct{ to, url string }{
		"plain": {srv.addr(), "redis://%s"},
		"TLS":   {"127.0.0.1:" + tlsPort, "rediss://%s?skip_verify=true"},
	} {
		t.Run(name, func(t *testing.T) {
			srv.do("FLUSHALL")
			link := newLink(t, way.to)
			s := open(t, store.Options{URL: srv.url()})
			far := open(t, store.Options{URL: fmt.Sprintf(way.url, link.addr())})
			tp, ft := follow(t.Context(), t, s), follow(t.Context(), t, far)
			eventually(t, 2*time.Second, "ready", func() error { return far.Ready(t.Context()) })
			var wg sync.WaitGroup
			for range 100 { // a pool full of connections
				wg.Go(func() { must(far.Since(t.Context(), room, chat.ID{}, 10))(t) })
			}
			wg.Wait()
			link.freeze() // what is connected hears no more, who connects anew does
			ev := back(t, s, time.Second)
			tp.Hears(time.Second, ev.ID)
			next := back(t, far, 4*time.Second)
			ft.Hears(5*time.Second, ev.ID, next.ID)
			tp.Hears(time.Second, ev.ID, next.ID)
			eventually(t, 3*time.Second, "ready again", func() error { return far.Ready(t.Context()) })
			if n := link.count(); n < 10 {
				t.Errorf("the link had %d connections: the pool was not full", n)
			}
		})
	}
}

// A function is frozen between requests, and hears nothing of a connection
// that was dropped meanwhile.
func TestIdleConnectionsAreNotTrusted(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	link := newLink(t, srv.addr())
	s := open(t, store.Options{URL: "redis://" + link.addr() + "?conn_max_idle_time=100ms"})
	say(t, s, ann, "before")
	link.freeze()
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	say(t, s, ann, "after")
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the first post after a pause took %v", took)
	}
	if got := texts(must(s.Since(t.Context(), room, chat.ID{}, 10))(t)); got != "before after" {
		t.Errorf("the log holds %q", got)
	}
}

// certificate writes one that nobody trusts, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	der := must(x509.MarshalPKCS8PrivateKey(pair.PrivateKey))(t)
	dir := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert", "CERTIFICATE", pair.Certificate[0]), write("key", "PRIVATE KEY", der)
}
