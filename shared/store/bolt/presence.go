package bolt

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// Here says that server holds connections of these users in a room, for
// [store.PresenceLife] from now, and returns who is in the room by then. With
// no users it only asks.
func (s *Store) Here(_ context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error) {
	s.here.add(server, room, us)
	return s.here.people(room), nil
}

// Gone takes back what Here said of these users in a room.
func (s *Store) Gone(_ context.Context, server string, room chat.RoomID, us ...chat.User) error {
	s.here.remove(server, room, us)
	return nil
}

// Free gives away the names of these users, who are in no room.
func (s *Store) Free(_ context.Context, us ...chat.User) error {
	s.here.free(us)
	return nil
}

// People returns who is in a room, by name.
func (s *Store) People(_ context.Context, room chat.RoomID) ([]chat.User, error) {
	return s.here.people(room), nil
}

// Around reports whether somebody else of that name is in a room now.
func (s *Store) Around(_ context.Context, u chat.User) (bool, error) {
	return s.here.taken(u), nil
}

// An attendance is who is in which room, and who has which name, until when.
// The zero value is nobody.
type attendance struct {
	mu    sync.Mutex // guards what follows
	rooms map[chat.RoomID]map[presence]time.Time
	names map[string]claim // by [chat.NameKey]
	owned map[string]ownedName
}

// A presence is a user on one server: the same user on two of them is two, so
// that neither server's leaving hides the other.
type presence struct {
	server string
	user   chat.User
}

type claim struct {
	owner string // user id
	until time.Time
}

func (a *attendance) add(server string, room chat.RoomID, us []chat.User) {
	if len(us) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.make()
	if a.rooms[room] == nil {
		a.rooms[room] = map[presence]time.Time{}
	}
	now := time.Now()
	for _, u := range us {
		if a.take(u, now) {
			a.rooms[room][presence{server, u}] = now.Add(store.PresenceLife)
		} else {
			delete(a.rooms[room], presence{server, u})
		}
	}
}

// claim gives a user their name, and reports false when another has it.
func (a *attendance) claim(u chat.User) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.make()
	return a.take(u, time.Now())
}

// make is called with a.mu held.
func (a *attendance) make() {
	if a.rooms == nil {
		a.rooms, a.names = map[chat.RoomID]map[presence]time.Time{}, map[string]claim{}
	}
}

// take is claim with a.mu held.
func (a *attendance) take(u chat.User, now time.Time) bool {
	key := chat.NameKey(u.Name)
	if o, ok := a.owned[key]; ok && o.lasts(now) {
		if o.owner == u.ID {
			o.used = now
			a.owned[key] = o
		}
		return o.owner == u.ID
	}
	if c := a.names[key]; c.owner != u.ID && c.until.After(now) {
		return false
	}
	a.names[key] = claim{u.ID, now.Add(store.PresenceLife)}
	return true
}

func (a *attendance) remove(server string, room chat.RoomID, us []chat.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range us {
		delete(a.rooms[room], presence{server, u})
	}
	if len(a.rooms[room]) == 0 {
		delete(a.rooms, room)
	}
}

func (a *attendance) free(us []chat.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range us {
		if key := chat.NameKey(u.Name); a.names[key].owner == u.ID {
			delete(a.names, key)
		}
	}
}

func (a *attendance) people(room chat.RoomID) []chat.User {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	us := make([]chat.User, 0, len(a.rooms[room]))
	for p, until := range a.rooms[room] {
		if until.After(now) {
			us = append(us, p.user)
		}
	}
	slices.SortFunc(us, func(a, b chat.User) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return slices.Compact(us)
}

func (a *attendance) taken(u chat.User) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.another(u, time.Now())
}

// sweep forgets who is not here any more.
func (a *attendance) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for room, here := range a.rooms {
		for p, until := range here {
			if !until.After(now) {
				delete(here, p)
			}
		}
		if len(here) == 0 {
			delete(a.rooms, room)
		}
	}
	for key, c := range a.names {
		if !c.until.After(now) {
			delete(a.names, key)
		}
	}
}
