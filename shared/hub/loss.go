package hub

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"confab/shared/chat"
)

// A Loss says that a reader may not read one of its rooms any more, or has to
// come back so that its right is looked at again. It is the error of [Reader.Next]
// then.
//
// An event that takes the right away is added to the losses of each audience of
// the room before the event itself is in the ring. Whoever reads a ring looks at
// the losses under the same lock, so nobody gets a line that was said after they
// had lost the right. A reader who is registered later is not among those whom
// the loss ends: the caller of [Hub.Read] looks at the rights once more when it
// has the reader.
type Loss struct {
	Room chat.RoomID
	Why  chat.Why // empty: the right may still be there
}

func (l Loss) Error() string { return fmt.Sprintf("reader may not read %s: %s", l.Room, l.Why) }

// A loss is whom a Loss is about.
type loss struct {
	Loss
	user uint32 // see hashUser; 0: everybody
}

func (l loss) hits(user uint32) bool { return l.user == 0 || l.user == user }

// lossBy returns who may not read the room any more after an event.
func (rm *room) lossBy(l chat.Line) (loss, bool) {
	why, user := chat.Why(""), l.Member.User.ID
	switch {
	case l.Kind == chat.Standings && l.Member.Ban == chat.Banned:
		why = chat.WhyBanned
	case l.Kind == chat.Standings && l.Member.Ban == "" && l.Member.Role == chat.Guest.String() && rm.id.Hidden():
		why = chat.WhyRemoved
	case l.Kind == chat.Title && l.Set.Access == chat.AccessClosed:
		return loss{Loss: Loss{rm.id, chat.WhyClosed}}, true
	default:
		return loss{}, false
	}
	return loss{Loss{rm.id, why}, rm.hub.hashUser(user)}, true
}

// hashUser stands for a user's id in a connection, where its four bytes cost
// nothing. It is 0 for nobody. Two users who share one by chance are ended
// together, and the one who may read comes back.
func (h *Hub) hashUser(id string) uint32 {
	if id == "" {
		return 0
	}
	return uint32(maphash.String(h.seed, id)) | 1
}

// Losses are what an audience lost of late.
type losses struct {
	list []loss // never changed in place
	gone int    // how many were before the first of the list
	past [3]int // how many there were when the janitor last trimmed it, the oldest first
}

func (ls *losses) count() int { return ls.gone + len(ls.list) }

// since returns those after the first n. Who looks too late must come back.
func (ls *losses) since(n int) []loss {
	if n < ls.gone {
		return []loss{{}}
	}
	return ls.list[n-ls.gone:]
}

// of returns the first of them that ends a user.
func of(ls []loss, user uint32) (Loss, bool) {
	for _, l := range ls {
		if l.hits(user) {
			return l.Loss, true
		}
	}
	return Loss{}, false
}

// trim forgets those that every reader has looked at, or was dropped before, see
// [StallLimit].
func (ls *losses) trim() {
	if n := ls.past[0] - ls.gone; n > 0 {
		ls.list, ls.gone = append([]loss(nil), ls.list[n:]...), ls.past[0]
	}
	ls.past = [3]int{ls.past[1], ls.past[2], ls.count()}
}

// lose ends the readers whom a loss is about. The room's lock is held.
func (a *audience) lose(l loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losses.list = append(a.losses.list, l)
	a.notify()
}

// loss returns why the reader has to end, if it has. a.mu is held.
func (r *Reader) loss() (Loss, bool) {
	ls := r.a.losses.since(r.lossesSeen)
	r.lossesSeen = r.a.losses.count()
	return of(ls, r.user)
}

// Recheck ends the streams of a user on this machine. They come back, and whoever
// serves them looks then whether they may read.
func (h *Hub) Recheck(user string) {
	if user == "" {
		return
	}
	h.mu.Lock()
	audiences := slices.Collect(maps.Values(h.audiences))
	h.mu.Unlock()
	for _, a := range audiences {
		a.lose(loss{user: h.hashUser(user)})
	}
}
