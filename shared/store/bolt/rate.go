package bolt

import (
	"context"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
)

// Allow counts one more login, or what else, by who. It fails with
// [chat.ErrTooMany] in a [chat.RetryError] when that is too many.
func (s *Store) Allow(_ context.Context, what, who string, r store.Rate) error {
	return s.AllowSoon(what, who, r)
}

// AllowSoon is Allow: nothing here is waited for.
func (s *Store) AllowSoon(what, who string, r store.Rate) error {
	return store.TooMany(what, s.rates.take(rateKey{what, who}, r))
}

// countPost counts a post of a user in a room. One that then fails was counted.
// What moderators do beside talking, and what the server writes, is not.
func (s *Store) countPost(ev chat.Event, rule chat.Rule, r *rights) error {
	if r.role >= chat.Moderator && !rule.Posts || rule.ByServer {
		return nil
	}
	rate := store.Rate{PerSecond: s.opts.PostsPerSecond, Burst: s.opts.PostBurst}
	return store.TooMany("post", s.rates.take(rateKey{"post in " + string(ev.Room), ev.By.ID}, rate))
}

// countRoom counts a room that an event begins.
func (s *Store) countRoom(ev chat.Event, rule chat.Rule, rec record) error {
	if ev.From == "" || rec.number != 0 || rule.Target != "" {
		return nil
	}
	return store.TooManyRooms(s.rates.take(rateKey{"room", ev.From}, store.Day(s.opts.RoomsPerDay)))
}

// countDay counts an event for the day of its network in a room that another
// user began. What the room's moderators and owners write is not counted.
func (s *Store) countDay(ev chat.Event, rule chat.Rule, creator string, r *rights) error {
	if ev.From == "" || creator == "" || creator == ev.By.ID || r.role >= chat.Moderator || rule.RemovesText {
		return nil
	}
	return store.Spent(s.rates.take(rateKey{"day in " + string(ev.Room), ev.From}, store.Day(s.opts.PostsPerDay)))
}

// Rates count, in memory, what each of many may do so often. The zero value has
// counted nothing.
type rates struct {
	mu  sync.Mutex // guards what follows, and what is in it
	all map[rateKey]*store.Counter
}

type rateKey struct{ what, who string }

// take counts one more, unless that would be too many, and returns the time to
// wait then.
func (rs *rates) take(key rateKey, r store.Rate) (wait time.Duration) {
	if r.Interval() == 0 {
		return 0
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	c := rs.all[key]
	if c == nil {
		if rs.all == nil {
			rs.all = map[rateKey]*store.Counter{}
		}
		c = new(store.Counter)
		rs.all[key] = c
	}
	return c.Take(time.Now(), 1, r)
}

// sweep forgets what does not matter any more.
func (rs *rates) sweep(now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for key, c := range rs.all {
		if c.Idle(now) {
			delete(rs.all, key)
		}
	}
}
