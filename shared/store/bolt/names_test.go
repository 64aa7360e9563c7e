package bolt_test

import (
	"errors"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

func TestNamesAndAccountsAreInTheFile(t *testing.T) {
	dir, other := t.TempDir(), chat.User{ID: "u_other", Name: "ANN"}
	s, closed := open(t, store.Options{Dir: dir})
	if err := s.Own(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	must(s.SetAccount(t.Context(), ann.ID, nil, []byte("keys")))(t)
	closed()
	s, closed = open(t, store.Options{Dir: dir})
	if err := s.Own(t.Context(), other); !errors.Is(err, chat.ErrNameTaken) {
		t.Errorf("after a restart another may have the name: %v", err)
	}
	if v := must(s.Account(t.Context(), ann.ID))(t); string(v) != "keys" {
		t.Errorf("after a restart %q is kept", v)
	}
	s.AgeName(ann.Name, store.NameLife-time.Hour)
	add(t, s, message(ann, "used"))
	s.SaveNames()
	closed()
	s, closed = open(t, store.Options{Dir: dir})
	s.AgeName(ann.Name, store.NameLife-time.Hour)
	closed()
	s, _ = open(t, store.Options{Dir: dir})
	refuse(t, s, message(other, "not yet"), chat.ErrNameTaken)
	s.AgeName(ann.Name, 2*time.Hour)
	add(t, s, message(other, "a year later"))
}
