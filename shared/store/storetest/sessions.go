package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// use has a session used, and tells how that ended.
func use(tb testing.TB, s store.Store, user string, of chat.Session) error {
	tb.Helper()
	now, err := s.UseSession(tb.Context(), user, of)
	if err == nil && now <= 0 {
		tb.Errorf("the engine's time is %d", now)
	}
	return err
}

// devices are a user's sessions in short, sorted by id.
func devices(tb testing.TB, s store.Store, user string) string {
	tb.Helper()
	var all []string
	for _, one := range Must(s.Sessions(tb.Context(), user))(tb) {
		if one.Made <= 0 || one.Used < one.Made {
			tb.Errorf("session %s was made at %d and used at %d", one.ID, one.Made, one.Used)
		}
		all = append(all, one.ID+"="+one.Device)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// later waits until the engine's clock has gone on.
func later(tb testing.TB, s store.Store) {
	tb.Helper()
	_, then, err := s.SignedOut(tb.Context(), 0)
	Eventually(tb, 5*time.Second, "time goes on", func() error {
		if _, now, err := s.SignedOut(tb.Context(), 0); err != nil || now <= then {
			return fmt.Errorf("it is %d, %w", now, err)
		}
		return err
	})
}

func testSessionsAreListed(t *testing.T, e Engine) {
	s := e.Open(t, store.Options{})
	if got := devices(t, s, "u_ann"); got != "" {
		t.Errorf("nobody's sessions are %s", got)
	}
	for _, of := range []chat.Session{{ID: "one", Device: "Firefox on Linux"}, {ID: "two", Device: ""}, {ID: ""}} {
		if err := use(t, s, "u_ann", of); err != nil {
			t.Fatal(err)
		}
	}
	later(t, s)
	if err := use(t, s, "u_ann", chat.Session{ID: "one"}); err != nil { // does not say what it is
		t.Fatal(err)
	}
	if got := devices(t, s, "u_ann"); got != "one=Firefox on Linux two=" {
		t.Errorf("listed are %s", got)
	}
	if list := Must(s.Sessions(t.Context(), "u_ann"))(t); list[0].ID != "one" || list[0].Used == list[0].Made {
		t.Errorf("the one that was used last is not first: %+v", list)
	}
	if got := devices(t, s, "u_bob"); got != "" {
		t.Errorf("another user's sessions are %s", got)
	}
	later(t, s)
	for i := range chat.MaxSessions + 5 {
		if err := use(t, s, "u_ann", chat.Session{ID: fmt.Sprint("many", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(Must(s.Sessions(t.Context(), "u_ann"))(t)); n < chat.MaxSessions || n > chat.MaxSessions+1 {
		t.Errorf("%d sessions are listed", n)
	}
	if got := devices(t, s, "u_ann"); strings.Contains(got, "two=") {
		t.Errorf("the one that was used longest ago is listed still: %s", got)
	}
	if err := use(t, s, "u_ann", chat.Session{ID: "two"}); err != nil {
		t.Errorf("one that was not listed any more: %v", err)
	}
}

func testEndedSessionStaysEnded(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	for _, id := range []string{"laptop", "phone"} {
		if err := use(t, s, "u_ann", chat.Session{ID: id, Device: id}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // twice is once
		if err := s.EndSession(ctx, "u_ann", "phone"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.EndSession(ctx, "u_ann", "never seen"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"phone", "never seen"} {
		if err := use(t, s, "u_ann", chat.Session{ID: id}); !errors.Is(err, store.ErrSignedOut) || !errors.Is(err, chat.ErrUnauthorized) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := use(t, s, "u_bob", chat.Session{ID: "phone"}); err != nil {
		t.Errorf("another user's of the same id: %v", err)
	}
	if got := devices(t, s, "u_ann"); got != "laptop=laptop" {
		t.Errorf("listed are %s", got)
	}
	if n := Must(s.Generation(ctx, "u_ann"))(t); n != 0 {
		t.Errorf("generation %d", n)
	}
}

func testSignedOutEverywhereOnAllServers(t *testing.T, e Engine) {
	s, ctx := e.Open(t, store.Options{}), t.Context()
	other := s
	if e.Shared {
		other = e.Open(t, store.Options{})
	}
	for _, id := range []string{"laptop", "phone", ""} {
		if err := use(t, s, "u_ann", chat.Session{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	_, before, err := other.SignedOut(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := Must(s.EndSessions(ctx, "u_ann"))(t); n != 1 {
		t.Errorf("generation %d", n)
	}
	for _, id := range []string{"laptop", "phone", "", "never seen"} {
		if err := use(t, other, "u_ann", chat.Session{ID: id}); !errors.Is(err, store.ErrSignedOut) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got := devices(t, other, "u_ann"); got != "" {
		t.Errorf("listed are %s", got)
	}
	if n := Must(other.Generation(ctx, "u_ann"))(t); n != 1 {
		t.Errorf("the other server's generation is %d", n)
	}
	if err := use(t, other, "u_ann", chat.Session{ID: "laptop", Generation: 1}); err != nil {
		t.Errorf("a session of the new generation: %v", err)
	}
	outs, now, err := other.SignedOut(ctx, before)
	if err != nil || now < before || len(outs) != 1 || outs[0].User != "u_ann" || outs[0].At < before || outs[0].At > now {
		t.Errorf("signed out were %v, at %d after %d, %v", outs, now, before, err)
	}
	if outs, _, err := other.SignedOut(ctx, now+time.Hour.Milliseconds()); err != nil || len(outs) != 1 {
		t.Errorf("after a time to come: %v, %v", outs, err)
	}
	racesOfSignOuts(ctx, t, s, other)
}

// racesOfSignOuts has a session used while its user signs out everywhere on
// another server: what was let by before is over afterwards.
func racesOfSignOuts(ctx context.Context, t *testing.T, s, other store.Store) {
	for generation := 1; generation < 9; generation++ {
		var wg sync.WaitGroup
		of := chat.Session{ID: fmt.Sprint("race", generation), Generation: generation}
		wg.Go(func() {
			for range 20 {
				if _, err := s.UseSession(ctx, "u_ann", of); err != nil && !errors.Is(err, store.ErrSignedOut) {
					t.Error(err)
				}
			}
		})
		n, err := other.EndSessions(ctx, "u_ann")
		if err != nil || n != generation+1 {
			t.Errorf("generation %d, %v", n, err)
		}
		if err := use(t, s, "u_ann", of); !errors.Is(err, store.ErrSignedOut) {
			t.Errorf("after signing out: %v", err)
		}
		wg.Wait()
		if got := devices(t, s, "u_ann"); got != "" {
			t.Errorf("listed after signing out: %s", got)
		}
	}
}
