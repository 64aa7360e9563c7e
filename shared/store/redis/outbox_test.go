package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/outbox"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

// ageTasks makes what was handed out of any outbox older.
func ageTasks(tb testing.TB, s store.Store, by time.Duration) {
	tb.Helper()
	rdb := s.(*redis.Store).Redis()
	for _, key := range must(rdb.Keys(tb.Context(), "*:outbox").Result())(tb) {
		pending := rdb.XPendingExt(tb.Context(), &goredis.XPendingExtArgs{Stream: key, Group: "servers", Start: "-", End: "+", Count: 1000})
		for _, p := range pending.Val() {
			must(rdb.Do(tb.Context(), "XCLAIM", key, "servers", "server", 0, p.ID, "IDLE", (p.Idle + by).Milliseconds(), "JUSTID").Result())(tb)
		}
	}
}

// A mortal is a store whose process dies at a step: before it, or after it was
// done and before anybody was told so.
type mortal struct {
	outbox.Store
	steps int // until then
	after bool
	die   context.CancelFunc
}

var errDead = errors.New("the process died")

func (m *mortal) step(do func() error) error {
	if m.steps < 0 {
		return errDead
	}
	if m.steps--; m.steps >= 0 {
		return do()
	}
	m.die()
	if m.after {
		_ = do()
	}
	return errDead
}

func (m *mortal) Tasks(ctx context.Context, n int, near ...chat.RoomID) (tasks []chat.Task, err error) {
	err = m.step(func() error { tasks, err = m.Store.Tasks(context.WithoutCancel(ctx), n, near...); return err })
	return tasks, err
}

func (m *mortal) Append(ctx context.Context, ev chat.Event) (l chat.Line, replayed bool, err error) {
	err = m.step(func() error { l, replayed, err = m.Store.Append(context.WithoutCancel(ctx), ev); return err })
	return l, replayed, err
}

func (m *mortal) Finish(ctx context.Context, tasks ...chat.Task) error {
	return m.step(func() error { return m.Store.Finish(context.WithoutCancel(ctx), tasks...) })
}

var dan = chat.User{ID: "u_dan", Name: "Dan Lee"}

// A process that does the outbox's work dies at each of its steps in turn: before
// it, and after it was done. The next one leaves everybody with each notice exactly
// once, in both engines.
func TestEverybodyHearsOnceWhateverDies(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		url := startRedis(t).url()
		var s *redis.Store
		hearOnce(t, func() store.Store {
			s = open(t, store.Options{URL: url})
			return s
		}, func() { ageTasks(t, s, 2*store.TaskLife) })
	})
	t.Run("bolt", func(t *testing.T) {
		var s store.Store
		dir := t.TempDir()
		t.Cleanup(func() { s.Close() })
		hearOnce(t, func() store.Store { // what was handed out, the next process does not know
			if s != nil {
				s.Close()
			}
			s = must(bolt.Open(t.Context(), store.Options{Dir: dir}))(t)
			return s
		}, func() {})
	})
}

// hearOnce opens the store anew as the next process would. Age makes what was
// handed out old.
func hearOnce(t *testing.T, reopen func() store.Store, age func()) {
	s := reopen()
	died := 0
	for step := range 6 { // asks, three notices, finishes
		for _, after := range []bool{false, true} {
			room := chat.RoomID(fmt.Sprintf("r%d%t", step, after))
			answered := add(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "one"})
			add(t, s, chat.Event{Room: room, Kind: chat.Message, By: cat, Text: "two"})
			add(t, s, chat.Event{Room: room, Kind: chat.Message, By: dan, Text: "three"})
			said := add(t, s, chat.Event{Room: room, Kind: chat.Message, By: bob, Text: "@cat and @dan lee, @ann is right", Reply: answered.ID})

			ctx, die := context.WithCancel(t.Context())
			m := &mortal{Store: s, steps: step, after: after, die: die}
			outbox.New(m, slog.New(slog.DiscardHandler)).Do(ctx)
			if die(); m.steps < 0 {
				died++
			}
			s = reopen()
			age()
			outbox.New(s, slog.New(slog.NewTextHandler(t.Output(), nil))).Do(t.Context())

			what := fmt.Sprintf("died at step %d, after it %t", step, after)
			heard(t, s, what, ann, said, chat.AboutReply)
			heard(t, s, what, cat, said, chat.AboutMention)
			heard(t, s, what, dan, said, chat.AboutMention)
			age()
			if left := must(s.Tasks(t.Context(), 10))(t); len(left) > 0 {
				t.Errorf("%s: left are %v", what, left)
			}
		}
	}
	if died != 10 {
		t.Errorf("%d processes died, want one before and after each of 5 steps", died)
	}
}

// heard fails unless a user's inbox tells of an event once.
func heard(t *testing.T, s store.Store, what string, u chat.User, of chat.Event, want chat.About) {
	t.Helper()
	var got []chat.About
	for _, ev := range must(s.Before(t.Context(), chat.Inbox(u.ID), chat.ID{}, 1000))(t) {
		if ev.Of == (chat.Source{Room: of.Room, ID: of.ID}) {
			got = append(got, ev.Notice)
		}
	}
	if !slices.Equal(got, []chat.About{want}) {
		t.Errorf("%s: %s hears %v, want %s", what, u.Name, got, want)
	}
}
