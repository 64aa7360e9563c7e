package presence_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/presence"
)

var (
	ann = chat.User{ID: "u_ann", Name: "Ann"}
	bob = chat.User{ID: "u_bob", Name: "Bob"}
)

const life = 45 * time.Second // of what a server said, in the store

// A memory is a store that several servers share.
type memory struct {
	mu    sync.Mutex
	until map[string]map[chat.RoomID]map[chat.User]time.Time // by server
	names map[string]string                                  // their holders, by name
	away  bool
	asked int
}

func newMemory() *memory {
	return &memory{until: map[string]map[chat.RoomID]map[chat.User]time.Time{}, names: map[string]string{}}
}

func (m *memory) Here(_ context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.away {
		return nil, errors.New("away")
	}
	if m.until[server] == nil {
		m.until[server] = map[chat.RoomID]map[chat.User]time.Time{}
	}
	if m.until[server][room] == nil {
		m.until[server][room] = map[chat.User]time.Time{}
	}
	for _, u := range us {
		m.until[server][room][u] = time.Now().Add(life)
		m.names[u.Name] = u.ID
	}
	here := map[chat.User]bool{}
	for _, rooms := range m.until {
		for u, until := range rooms[room] {
			if until.After(time.Now()) {
				here[u] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(here), func(a, b chat.User) int { return cmp.Compare(a.Name, b.Name) }), nil
}

func (m *memory) Gone(_ context.Context, server string, room chat.RoomID, us ...chat.User) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range us {
		delete(m.until[server][room], u)
	}
	return nil
}

func (m *memory) Free(_ context.Context, us ...chat.User) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range us {
		delete(m.names, u.Name)
	}
	return nil
}

func (m *memory) setAway(away bool) { m.mu.Lock(); defer m.mu.Unlock(); m.away = away }

func (m *memory) holder(name string) string { m.mu.Lock(); defer m.mu.Unlock(); return m.names[name] }

// A server is a tracker and what its readers were told.
type server struct {
	*presence.Tracker
	mu   sync.Mutex
	told []chat.Signal
}

func open(m *memory) *server {
	s := &server{}
	s.Tracker = presence.New(m, func(sig chat.Signal) { s.mu.Lock(); defer s.mu.Unlock(); s.told = append(s.told, sig) }, slog.New(slog.DiscardHandler))
	return s
}

// heard returns what was announced since it was asked last, as "ops +Ann -Bob 2".
func (s *server) heard() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sig := range s.told {
		text := string(sig.Room)
		for _, u := range sig.Joined {
			text += " +" + u.Name
		}
		for _, u := range sig.Left {
			text += " -" + u.Name
		}
		all = append(all, fmt.Sprint(text, " ", sig.Count))
	}
	s.told = nil
	return all
}

func expect(t *testing.T, s *server, want ...string) {
	t.Helper()
	if got := s.heard(); !slices.Equal(got, want) {
		t.Errorf("announced %q, want %q", got, want)
	}
}

// after lets time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestComingAndGoingIsAnnouncedOnceAndAReloadIsNeither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(newMemory())
		defer s.Close()
		first := s.Join(ann, []chat.RoomID{"ops"})
		after(6 * time.Second)
		expect(t, s, "ops +Ann 1")

		s.Join(bob, []chat.RoomID{"ops"}).Leave() // a reload
		tab := s.Join(bob, []chat.RoomID{"ops"})
		second := s.Join(bob, []chat.RoomID{"ops"})
		after(6 * time.Second)
		expect(t, s, "ops +Bob 2")

		tab.Leave()
		after(20 * time.Second)
		expect(t, s) // a tab is open still

		second.Leave()
		after(12 * time.Second)
		expect(t, s, "ops -Bob 1")
		first.Leave()
	})
}

func TestComingBackWithinAStepIsNotLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(newMemory())
		defer s.Close()
		watch := s.Join(ann, []chat.RoomID{"ops"})
		sub := s.Join(bob, []chat.RoomID{"ops"})
		after(6 * time.Second)
		expect(t, s, "ops +Ann +Bob 2")
		for range 20 {
			sub.Leave()
			after(4 * time.Second)
			sub = s.Join(bob, []chat.RoomID{"ops"})
			after(4 * time.Second)
		}
		expect(t, s)
		sub.Leave()
		watch.Leave()
	})
}

func TestNameStaysWithAUserWhoLeavesOneOfTwoRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := open(m)
		defer s.Close()
		watch := s.Join(chat.User{}, []chat.RoomID{"ops"})
		ops := s.Join(ann, []chat.RoomID{"ops"})
		lobby := s.Join(ann, []chat.RoomID{"lobby"})
		after(6 * time.Second)
		s.heard()
		ops.Leave()
		after(12 * time.Second)
		expect(t, s, "ops -Ann 0")
		if m.holder("Ann") != ann.ID {
			t.Error("the name was given away by leaving one of two rooms")
		}
		lobby.Leave()
		after(12 * time.Second)
		if m.holder("Ann") != "" {
			t.Error("the name was not given away by leaving the last room")
		}
		watch.Leave()
	})
}

func TestNewNameReplacesTheFormerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := open(m)
		defer s.Close()
		before := s.Join(ann, []chat.RoomID{"ops"})
		after(6 * time.Second)
		s.heard()
		renamed := s.Join(chat.User{ID: ann.ID, Name: "Anna"}, []chat.RoomID{"ops"})
		before.Leave()
		after(12 * time.Second)
		expect(t, s, "ops +Anna -Ann 1")
		if m.holder("Ann") != "" || m.holder("Anna") != ann.ID {
			t.Errorf("Ann is %q's, Anna %q's", m.holder("Ann"), m.holder("Anna"))
		}
		renamed.Leave()
	})
}

func TestDeathOfAServerIsNoticedByTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a, b := open(m), open(m)
		defer b.Close()
		a.Join(ann, []chat.RoomID{"ops"})
		watch := b.Join(chat.User{}, []chat.RoomID{"ops"})
		after(11 * time.Second)
		expect(t, b, "ops +Ann 1")
		a.Close() // it tells the store nothing, as a server that was killed
		after(life + 6*time.Second)
		expect(t, b, "ops -Ann 0")
		watch.Leave()
	})
}

func TestStoreThatWasAwayIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := open(m)
		defer s.Close()
		m.setAway(true)
		sub := s.Join(ann, []chat.RoomID{"ops"})
		after(30 * time.Second)
		expect(t, s)
		m.setAway(false)
		after(6 * time.Second)
		expect(t, s, "ops +Ann 1")
		after(10 * life)
		expect(t, s) // refreshed in time, again and again
		sub.Leave()
	})
}

func TestLoopEndsWhenNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := open(m)
		s.Join(ann, []chat.RoomID{"ops"}).Leave()
		after(time.Minute)
		asked := m.asked
		after(time.Hour)
		if m.asked != asked {
			t.Errorf("the store was asked %d times for nobody", m.asked-asked)
		}
		s.Close()
	})
}
