package redis_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// Ready and posts go together, whatever it is that refuses them.
func TestReadyFailsWhereverPostsFail(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]struct {
		opts       store.Options
		begin, end func(*server)
	}{
		"out of memory":    {begin: set("maxmemory", "1"), end: set("maxmemory", "0")},
		"too few replicas": {begin: set("min-replicas-to-write", "3"), end: set("min-replicas-to-write", "0")},
		"a replica":        {begin: replicaOf("127.0.0.1", "1"), end: replicaOf("NO", "ONE")},
		"cannot save":      {begin: cannotSave, end: set("stop-writes-on-bgsave-error", "no")},
		"not acknowledged": {opts: store.Options{Durability: "replicas:1"}, begin: func(*server) {}},
		"no permission":    {begin: func(s *server) { s.do("ACL", "SETUSER", "default", "-xadd", "-set") }, end: func(s *server) { s.do("ACL", "SETUSER", "default", "+@all") }},
		"no channels":      {begin: func(s *server) { s.do("ACL", "SETUSER", "default", "resetchannels") }, end: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startRedis(t)
			state.opts.URL = srv.url()
			s := open(t, state.opts)
			if state.opts.Durability == "" {
				eventually(t, 3*time.Second, "ready", func() error { return s.Ready(t.Context()) })
				say(t, s, ann, "before")
			}
			state.begin(srv)
			eventually(t, 10*time.Second, "not ready", func() error {
				if err := s.Ready(t.Context()); err == nil {
					return errNotYet
				} else if !errors.Is(err, chat.ErrUnavailable) {
					t.Error(err)
				}
				return nil
			})
			_, _, err := s.Append(t.Context(), chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "refused?"})
			if name == "no channels" { // it is in the log, so it is not refused
				if got := texts(must(s.Since(t.Context(), room, chat.ID{}, 10))(t)); err != nil || got != "before refused?" {
					t.Errorf("a post that is not published: %v, the log holds %q", err, got)
				}
			} else if !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("a post: %v", err)
			}
			if state.end == nil {
				return
			}
			state.end(srv)
			eventually(t, 10*time.Second, "ready again", func() error { return s.Ready(t.Context()) })
			back(t, s, time.Second)
		})
	}
}

func set(name, value string) func(*server) {
	return func(s *server) { s.tb.Helper(); s.do("CONFIG", "SET", name, value) }
}

func replicaOf(host, port string) func(*server) {
	return func(s *server) { s.tb.Helper(); s.do("REPLICAOF", host, port) }
}

// cannotSave has a save to disk fail.
func cannotSave(s *server) {
	s.tb.Helper()
	s.do("CONFIG", "SET", "save", "3600 1")
	if err := os.RemoveAll(s.dir); err != nil {
		s.tb.Fatal(err)
	}
	s.do("BGSAVE")
	eventually(s.tb, patience, "a save fails", func() error {
		if status := s.info("rdb_last_bgsave_status"); status != "err" {
			return fmt.Errorf("the last save is %s", status)
		}
		return nil
	})
}
