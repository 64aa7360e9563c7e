package bolt_test

import (
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

// Sessions that were used are in memory until they are in the file, and never in
// neither of the two.
func TestSessionsAreListedWhileTheyAreWritten(t *testing.T) {
	t.Parallel()
	s, _ := open(t, store.Options{})
	stop := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		for {
			select {
			case <-stop:
				return
			default:
				s.KeepSessions()
			}
		}
	}()
	for range 300 {
		if _, err := s.UseSession(t.Context(), "u_ann", chat.Session{ID: "laptop"}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if list, err := s.Sessions(t.Context(), "u_ann"); err != nil || len(list) != 1 {
				t.Fatalf("%d sessions are listed, %v", len(list), err)
			}
		}
	}
	close(stop)
	<-written
}

func TestSessionsAreKnownAfterTheNextStart(t *testing.T) {
	t.Parallel()
	opts := store.Options{Dir: t.TempDir()}
	s, closeIt := open(t, opts)
	for _, id := range []string{"laptop", "phone"} {
		if _, err := s.UseSession(t.Context(), "u_ann", chat.Session{ID: id, Device: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.EndSession(t.Context(), "u_ann", "phone"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EndSessions(t.Context(), "u_bob"); err != nil {
		t.Fatal(err)
	}
	closeIt()
	again, _ := open(t, opts)
	if list, err := again.Sessions(t.Context(), "u_ann"); err != nil || len(list) != 1 || list[0].Device != "laptop" {
		t.Errorf("listed are %+v, %v", list, err)
	}
	if _, err := again.UseSession(t.Context(), "u_ann", chat.Session{ID: "phone"}); err == nil {
		t.Error("a session that was ended is good again")
	}
	if n, err := again.Generation(t.Context(), "u_bob"); err != nil || n != 1 {
		t.Errorf("generation %d, %v", n, err)
	}
}
