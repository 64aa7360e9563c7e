package bolt

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"confab/shared/chat"
	"confab/shared/store"
)

// Follow tells l what happens in a room until ctx ends: every event after the
// id that it returns, in the log's order, none missing and none twice, and
// signals as they pass.
//
// An event is told by the goroutine that wrote it, so l must not block.
func (s *Store) Follow(ctx context.Context, room chat.RoomID, l chat.Listener) (chat.ID, error) {
	if room.Reader() != "" {
		return chat.ID{}, fmt.Errorf("%w: an inbox is not followed", chat.ErrInvalid)
	}
	f := &follower{room: room, l: l}
	f.mu.Lock() // an event that is told now waits until it is known whether it is later
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return chat.ID{}, store.Unavailable("follow "+string(room), context.Cause(ctx))
	}
	if !s.feeds.add(f) {
		return chat.ID{}, store.Unavailable("follow "+string(room), errClosed)
	}
	ids, err := s.Last(ctx, room)
	if err != nil {
		s.feeds.remove(f)
		return chat.ID{}, err
	}
	f.last = ids[0]
	context.AfterFunc(ctx, func() { s.feeds.remove(f) })
	return f.last, nil
}

// Signal lets a signal pass by the followers of its room.
func (s *Store) Signal(_ context.Context, sig chat.Signal) error {
	for _, f := range s.feeds.of(sig.Room) {
		f.signal(sig)
	}
	return nil
}

// A follower is told what happens in one room.
type follower struct {
	room chat.RoomID
	l    chat.Listener

	mu   sync.Mutex // held while l is told
	last chat.ID    // what l knows of
}

func (f *follower) event(ev chat.Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev.ID.After(f.last) {
		f.last = ev.ID
		f.l.Event(ev)
	}
}

func (f *follower) signal(sig chat.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.l.Signal(sig)
}

// Feeds are the followers of all rooms.
type feeds struct {
	mu     sync.Mutex // guards what follows; nobody is told anything under it
	rooms  map[chat.RoomID][]*follower
	inbox  []*inboxFollower
	closed bool
}

func (fs *feeds) add(f *follower) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return false
	}
	if fs.rooms == nil {
		fs.rooms = map[chat.RoomID][]*follower{}
	}
	fs.rooms[f.room] = append(slices.Clip(fs.rooms[f.room]), f)
	return true
}

func (fs *feeds) remove(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(fs.rooms[f.room]), func(g *follower) bool { return g == f })
	if len(left) == 0 {
		delete(fs.rooms, f.room)
		return
	}
	fs.rooms[f.room] = left
}

// of returns the followers of a room. What it returns is never changed in place.
func (fs *feeds) of(room chat.RoomID) []*follower {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.rooms[room]
}

func (fs *feeds) deliver(ev chat.Line) {
	if user := ev.Room.Reader(); user != "" {
		fs.deliverInbox(user, chat.Signal{Kind: chat.Grown, ID: ev.ID})
		return
	}
	for _, f := range fs.of(ev.Room) {
		f.event(ev)
	}
}

// close lets all followers go: nothing more happens.
func (fs *feeds) close() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.rooms, fs.inbox, fs.closed = nil, nil, true
}
