package redis_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// rulePattern finds the rule that an error gives.
var rulePattern = regexp.MustCompile(`ACL SETUSER (.*)$`)

// What the user may not do shows at the start, by the rule that mends it, and
// nothing of a refused start is in the log.
func TestStartNamesTheRuleThatIsMissing(t *testing.T) {
	t.Parallel()
	for name, acl := range map[string][]any{
		"no channels": {"~*", "+@all", "resetchannels"},
		"no keys":     {"resetkeys", "&*", "+@all"},
		"no scripts":  {"~*", "&*", "+@all", "-evalsha", "-eval"},
		"no publish":  {"~*", "&*", "+@all", "-publish"},
		"no listen":   {"~*", "&*", "+@all", "-subscribe"},
		"no trim":     {"~*", "&*", "+@all", "-xtrim"},
		"no presence": {"~*", "&*", "+@all", "-zrem"},
		"nothing":     {"~*", "&*", "-@all", "+ping"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startRedis(t)
			srv.do(append([]any{"ACL", "SETUSER", "chat", "on", ">secret"}, acl...)...)
			url := "redis://chat:secret@" + srv.addr()
			_, err := redis.Open(t.Context(), store.Options{URL: url})
			if err == nil {
				t.Fatal("it starts")
			}
			found := rulePattern.FindStringSubmatch(err.Error())
			if found == nil || !strings.HasPrefix(found[1], "chat ") || strings.Contains(err.Error(), "secret") {
				t.Fatalf("no rule in: %v", err)
			}
			for _, key := range srv.do("KEYS", "*").([]any) {
				if strings.Contains(key.(string), "trial") && strings.HasSuffix(key.(string), ":log") && name != "nothing" {
					t.Errorf("%s is left", key)
				}
			}
			srv.do("ACL", "SETUSER", "chat", "reset", "on", ">secret")
			args := []any{"ACL", "SETUSER"}
			for arg := range strings.FieldsSeq(found[1]) {
				args = append(args, arg)
			}
			srv.do(args...)
			s := open(t, store.Options{URL: url, Durability: "primary"})
			tp := follow(t.Context(), t, s)
			tp.Hears(time.Second, say(t, s, ann, "hi").ID)
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("with the rule: %v", err)
			}
			if rooms := must(s.Rooms(t.Context()))(t); len(rooms) != 1 {
				t.Errorf("the rooms are %+v", rooms)
			}
		})
	}
}

func TestStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url()})
	if keys := srv.do("KEYS", "*").([]any); len(keys) != 1 || keys[0] != "confab:0:version" {
		t.Errorf("a start leaves %v", keys)
	}
	if rooms := must(s.Rooms(t.Context()))(t); len(rooms) > 0 {
		t.Errorf("a start leaves %+v", rooms)
	}
}

func TestStartSaysWhatIsWrongWithRedis(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	srv.do("CONFIG", "SET", "requirepass", "right")
	_, err := redis.Open(t.Context(), store.Options{URL: "redis://:wrong@" + srv.addr()})
	if err == nil || !strings.Contains(err.Error(), "takes another password") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("another password: %v", err)
	}
	renamed := startRedis(t, "--rename-command", "XTRIM", "")
	if _, err := redis.Open(t.Context(), store.Options{URL: renamed.url()}); err == nil || !strings.Contains(err.Error(), "rename-command") {
		t.Errorf("without XTRIM: %v", err)
	}
	replica := startRedis(t, "--replicaof", "127.0.0.1", "1")
	if _, err := redis.Open(t.Context(), store.Options{URL: replica.url()}); err == nil || !strings.Contains(err.Error(), "is a replica") {
		t.Errorf("a replica: %v", err)
	}
}

func TestServerMeetsKeysOfAnotherVersion(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	open(t, store.Options{URL: srv.url()})
	srv.do("SET", "confab:0:version", "99")
	_, err := redis.Open(t.Context(), store.Options{URL: srv.url()})
	if err == nil || !strings.Contains(err.Error(), `version "99"`) || !strings.Contains(err.Error(), "KEY_PREFIX") {
		t.Errorf("another version: %v", err)
	}
	open(t, store.Options{URL: srv.url(), Prefix: "other"})
}

// The name resolves late, the process listens late, the data is read for a while.
func TestStartWaitsForRedis(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	srv.kill()
	opened := make(chan error, 1)
	go func() {
		s, err := redis.Open(context.Background(), store.Options{URL: srv.url()})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("opened without Redis: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	srv.start()
	if err := <-opened; err != nil {
		t.Errorf("after Redis came: %v", err)
	}

	busy := loading(t, srv.addr(), 7*time.Second) // longer than for a Redis that does not answer
	begun := time.Now()
	s := open(t, store.Options{URL: "redis://" + busy})
	say(t, s, ann, "hi")
	if took := time.Since(begun); took < 7*time.Second {
		t.Errorf("a Redis that reads its data for 7 s was open after %v", took)
	}
}

// loading stands in front of a Redis that has not read all its data yet.
func loading(t *testing.T, to string, until time.Duration) string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	ready := time.Now().Add(until)
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	serve := func(in net.Conn) {
		defer in.Close()
		if time.Now().After(ready) {
			out, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer out.Close()
			wg.Go(func() { _, _ = io.Copy(in, out); in.Close() })
			_, _ = io.Copy(out, in)
			return
		}
		for r := bufio.NewReader(in); ; {
			line, err := r.ReadString('\n')
			if err != nil || time.Now().After(ready) {
				return
			}
			if strings.HasPrefix(line, "*") {
				_, _ = io.WriteString(in, "-LOADING Redis is loading the dataset in memory\r\n")
			}
		}
	}
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(in) })
		}
	})
	return l.Addr().String()
}

// Two chats share a Redis: by database, and by prefix.
func TestChatsOnOneRedisDoNotHearEachOther(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	one := open(t, store.Options{URL: srv.url() + "/0"})
	for name, opts := range map[string]store.Options{
		"database": {URL: srv.url() + "/1"},
		"prefix":   {URL: srv.url() + "/0", Prefix: "staging"},
	} {
		t.Run(name, func(t *testing.T) {
			two := open(t, opts)
			tp := follow(t.Context(), t, two)
			tp.Await(time.Second, "live", func() bool { return true })
			say(t, one, ann, "production")
			if err := one.Signal(t.Context(), chat.Signal{Room: room, Kind: chat.Typing, By: &ann}); err != nil {
				t.Fatal(err)
			}
			mine := say(t, two, bob, "staging")
			tp.Hears(2*time.Second, mine.ID)
			tp.Mu.Lock()
			defer tp.Mu.Unlock()
			if len(tp.Signals) > 0 {
				t.Errorf("signals of the other: %v", tp.Signals)
			}
			if _, err := two.Since(t.Context(), room, chat.ID{}, 10); errors.Is(err, chat.ErrReset) {
				t.Error(err)
			}
		})
	}
}

func TestServersShareASecret(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	one, two := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	first := string(must(one.Secret(t.Context(), "session-key", []byte("a")))(t))
	if second := string(must(two.Secret(t.Context(), "session-key", []byte("b")))(t)); first != "a" || second != "a" {
		t.Errorf("the secret is %q and %q", first, second)
	}
}
