package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"
)

// saved is all that Redis has on its disk, after it saved and wrote its
// append-only file anew.
func (s *server) saved() (all []byte) {
	s.tb.Helper()
	s.do("SAVE")
	s.do("BGREWRITEAOF")
	eventually(s.tb, patience, "the append-only file is written anew", func() error {
		if s.info("aof_rewrite_in_progress") != "0" || s.info("aof_rewrite_scheduled") != "0" {
			return errNotYet
		}
		return nil
	})
	err := filepath.WalkDir(s.dir, func(path string, file fs.DirEntry, err error) error {
		if err != nil || !file.Type().IsRegular() || file.Name() == "log" {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		if errors.Is(err, fs.ErrNotExist) { // of before
			return nil
		}
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return all
}

// talked has some texts be taken out of rooms in every way: all of them say so.
func talked(t *testing.T, s *redis.Store) {
	for i := range 300 {
		say(t, s, bob, fmt.Sprint("stays ", i))
	}
	deleted, edited := say(t, s, ann, "gone: deleted"), say(t, s, ann, "gone: first")
	both := say(t, s, ann, "gone: before it was edited")
	for i := range 300 {
		say(t, s, bob, fmt.Sprint("stays too ", i))
	}
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: edited.ID, Text: "gone: second"})
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: both.ID, Text: "gone: after it was edited"})
	add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: edited.ID, Text: `stays "as" it \reads`})
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: deleted.ID})
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: both.ID})
	made := chat.Event{Room: "den", Kind: chat.Title, By: ann, Set: chat.Change{Made: true}}
	add(t, s, made)
	add(t, s, chat.Event{Room: "den", Kind: chat.Message, By: ann, Text: "gone: with its room"})
	add(t, s, chat.Event{Room: "den", Kind: chat.Title, By: ann, Set: chat.Change{Access: chat.AccessClosed}})
	alone := add(t, s, chat.Event{Room: "alone", Kind: chat.Message, By: ann, Text: "gone: alone"})
	add(t, s, chat.Event{Room: "alone", Kind: chat.Delete, By: ann, Target: alone.ID})
}

// What Redis saves is not compressed here, so that texts are found in it.
func TestWhatWasTakenOutIsErasedFromRedis(t *testing.T) {
	t.Parallel()
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			srv := startRedis(t, "--appendonly", "yes", "--aof-use-rdb-preamble", preamble, "--rdbcompression", "no", "--dbfilename", "dump.rdb")
			s := open(t, store.Options{URL: srv.url()})
			talked(t, s)
			before := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
			if !bytes.Contains(srv.saved(), []byte("gone: deleted")) {
				t.Error("Redis forgets by itself what is deleted: nothing has to be erased")
			}
			if err := s.EraseNow(t.Context(), 128); err != nil {
				t.Fatal(err)
			}
			saved := srv.saved()
			for _, text := range []string{"gone: deleted", "gone: first", "gone: second", "gone: before", "gone: after", "gone: with", "gone: alone", "gone: "} {
				if n := bytes.Count(saved, []byte(text)); n > 0 {
					t.Errorf("%q is saved %d times", text, n)
				}
			}
			if !bytes.Contains(saved, []byte("stays too 299")) {
				t.Error("what stays is not saved: nothing was looked at")
			}
			if after := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t); !slices.Equal(after, before) {
				t.Errorf("the log reads otherwise: %d events, %d before", len(after), len(before))
			}
			if n := len(srv.do("KEYS", "*erasing").([]any)) + len(srv.do("KEYS", "*copy").([]any)); n > 0 {
				t.Errorf("%d keys of erasing are left", n)
			}
		})
	}
}

// The log stays what it is for those who follow it, and for what it will forget.
func TestErasedLogGoesOn(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url(), Retention: time.Hour, HistoryBytes: 1 << 20})
	tp := follow(t.Context(), t, s)
	first, second, last := say(t, s, ann, "one"), say(t, s, ann, "two"), say(t, s, ann, "three")
	add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: second.ID})
	end := add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: last.ID})
	if err := s.EraseNow(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if left := must(s.Redis().PTTL(t.Context(), lobby("log")).Result())(t); left <= 55*time.Minute || left > time.Hour {
		t.Errorf("it is forgotten after %v, want an hour", left)
	}
	next := say(t, s, bob, "four")
	if next.Prev != end.ID {
		t.Errorf("it goes on after %s, want %s", next.Prev, end.ID)
	}
	tp.Await(5*time.Second, "the next", func() bool { return tp.Last == next.ID })
	if evs := must(s.Since(t.Context(), room, first.ID, 10))(t); texts(evs) != "delete: delete: four" {
		t.Errorf("after the first one: %q", texts(evs))
	}
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	if len(tp.Resets) > 0 {
		t.Errorf("who follows is told of %d resets", len(tp.Resets))
	}
}

// While a part of a log is copied, lines of it are deleted, edited and trimmed
// off. Then the eraser goes on, or died and another begins anew.
func TestWhatIsTakenOutWhileTheLogIsCopied(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprint("dies ", dies), func(t *testing.T) {
			srv := startRedis(t, "--rdbcompression", "no", "--appendonly", "yes")
			s := open(t, store.Options{URL: srv.url()})
			talked(t, s)
			goOn, err := s.BeginErasing(t.Context(), 400)
			if err != nil {
				t.Fatal(err)
			}
			evs := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
			add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: bob, Target: evs[295].ID})
			add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: bob, Target: evs[297].ID, Text: "stays in its place"})
			say(t, open(t, store.Options{URL: srv.url(), History: 320}), ann, "trims the log")
			want := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
			if len(want) < 320 || want[0].ID == evs[0].ID {
				t.Fatalf("%d events are left of %d", len(want), len(evs))
			}
			for range 2 { // as it begins, what was taken out meanwhile is due again
				if !dies {
					err = goOn()
				}
				if got := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t); !slices.Equal(got, want) || err != nil {
					t.Fatalf("the log reads otherwise: %d events, want %d, %v", len(got), len(want), err)
				}
				dies, err = true, s.EraseNow(t.Context(), 128)
			}
			saved := srv.saved()
			for _, text := range []string{"gone: ", evs[295].Text + `"`, evs[297].Text + `"`} {
				if bytes.Contains(saved, []byte(text)) {
					t.Errorf("%q is saved", text)
				}
			}
		})
	}
}

// While two erase, and page by page, others post, edit and delete: the log reads
// as if nobody erased, and in the end nothing is left.
func TestErasingWhilePostsGoOn(t *testing.T) {
	t.Parallel()
	srv := startRedis(t, "--rdbcompression", "no", "--appendonly", "yes")
	opts := store.Options{URL: srv.url(), History: 400}
	s, other := open(t, opts), open(t, opts)
	tp := follow(t.Context(), t, other)
	stop := make(chan struct{})
	var posting, erasing sync.WaitGroup
	for i, author := range []chat.User{ann, bob} {
		posting.Go(func() { talk(t, []*redis.Store{s, other}[i], author, 400) })
		erasing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := []*redis.Store{s, other}[i].EraseNow(t.Context(), 7); err != nil && !strings.Contains(err.Error(), "another process") {
					t.Error(err)
				}
			}
		})
	}
	posting.Wait()
	close(stop)
	erasing.Wait()
	end := say(t, s, ann, "the end")
	tp.Await(10*time.Second, "the end", func() bool { return tp.Last == end.ID })
	if err := s.EraseNow(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	saved := srv.saved()
	if n := bytes.Count(saved, []byte("gone: ")); n > 0 || !bytes.Contains(saved, []byte("the end")) {
		t.Errorf("what was taken out is saved %d times", n)
	}
	log := must(s.Since(t.Context(), room, chat.ID{}, 2000))(t)
	if len(log) < 300 { // some of 400 were deleted after others were trimmed off
		t.Errorf("%d events are kept of 400", len(log))
	}
	tp.Mu.Lock()
	defer tp.Mu.Unlock()
	if len(tp.Resets) > 0 {
		t.Errorf("who follows is told of %d resets", len(tp.Resets))
	}
	told, deleted := map[chat.ID]chat.Event{}, map[chat.ID]bool{}
	for _, ev := range tp.Events {
		told[ev.ID] = ev
		deleted[ev.Target] = deleted[ev.Target] || ev.Kind == chat.Delete
	}
	for _, ev := range log {
		if deleted[ev.ID] {
			t.Errorf("%+v is there again", ev)
		}
		if was, ok := told[ev.ID]; !ok || was.Prev != ev.Prev || was.Kind != ev.Kind || (was.Text != ev.Text && ev.Kind != chat.Message) {
			t.Errorf("the log has %+v, told was %+v", ev, was)
		}
	}
}

// talk says lines, and edits and deletes them: those that are to be found no more
// begin with gone.
func talk(t *testing.T, s *redis.Store, by chat.User, n int) {
	for i := range n {
		said := say(t, s, by, fmt.Sprint("gone: ", i))
		add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: by, Target: said.ID, Text: fmt.Sprint("stays ", i)})
		if i%3 == 0 {
			add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: by, Target: said.ID})
		}
	}
}

func TestErasingOnACluster(t *testing.T) {
	g := cluster(t)
	s := open(t, store.Options{URL: g.url})
	talked(t, s)
	before := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t)
	if err := s.EraseNow(t.Context(), 128); err != nil {
		t.Fatal(err)
	}
	if after := must(s.Since(t.Context(), room, chat.ID{}, 1000))(t); !slices.Equal(after, before) {
		t.Errorf("the log reads otherwise: %d events, %d before", len(after), len(before))
	}
	primary := g.primary()
	replica := g.node(func(n *server) bool { return n.info("role") == "slave" && n.info("master_port") == primary.port })
	primary.do("WAIT", 1, 5000)
	for _, n := range []*server{primary, replica} {
		n.do("CONFIG", "SET", "rdbcompression", "no")
		if saved := n.saved(); bytes.Contains(saved, []byte("gone: ")) || !bytes.Contains(saved, []byte("stays too")) {
			t.Errorf("%s saves what was taken out: %t", n.info("role"), bytes.Contains(saved, []byte("gone: ")))
		}
	}
}
