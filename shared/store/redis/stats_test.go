package redis_test

import (
	"testing"

	"confab/shared/chat"
	"confab/shared/store"
)

func TestStatsCountWhatFails(t *testing.T) {
	srv := startRedis(t)
	s := open(t, store.Options{URL: srv.url()})
	if _, err := s.Before(t.Context(), room, chat.ID{}, 1); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Commands == 0 || st.Errors != 0 {
		t.Errorf("after a read: %+v", st)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.SubscriptionAge <= 0 || st.SubscriptionLag != 0 {
		t.Errorf("with a subscription that delivers: %+v", st)
	}
	srv.kill()
	if _, err := s.Before(t.Context(), room, chat.ID{}, 1); err == nil {
		t.Fatal("a Redis that is gone answered")
	}
	if st := s.Stats(); st.Errors == 0 {
		t.Errorf("without Redis: %+v", st)
	}
}
