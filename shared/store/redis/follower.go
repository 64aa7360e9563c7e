package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"confab/shared/chat"
)

const (
	catchUpPage  = 512                    // events read at once to close a gap
	pendingLimit = 256                    // events received that wait for it
	retryPause   = 200 * time.Millisecond // before the log is read again after that failed
)

// A follower is one room's feed. Its gaps are read from the log. What is
// received meanwhile is in the log too, so that no more of it has to be kept
// than spares a busy room from being read again and again.
type follower struct {
	store *Store
	ctx   context.Context
	room  chat.RoomID
	l     chat.Listener
	ready chan struct{} // closed when the channel is subscribed to and first is known
	first chat.ID       // set before ready is closed

	mu         sync.Mutex  // held while l is called
	last       chat.ID     // what l knows of
	live       bool        // last is known
	catchingUp bool        // a goroutine reads the log for it
	pending    []chat.Line // what was received since it began to read,
	again      bool        // or that there was more
}

// receive takes an event off the subscription.
func (f *follower) receive(ev chat.Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.catchingUp && len(f.pending) < pendingLimit:
		f.pending = append(f.pending, ev)
	case f.catchingUp || !f.live:
		f.again = true
	case f.deliver(ev):
	case ev.ID.After(f.last):
		f.store.count.gaps.Add(1)
		f.startCatchUp()
	}
}

// deliverLocal takes an event that was written here, if it is the next one.
// Otherwise the subscription brings it.
func (f *follower) deliverLocal(ev chat.Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live && !f.catchingUp {
		f.deliver(ev)
	}
}

// deliver hands l an event if it is the next one, and reports whether it is.
// f.mu is held.
func (f *follower) deliver(ev chat.Line) bool {
	next := ev.Prev == f.last && ev.ID.After(f.last)
	if next {
		f.last = ev.ID
		f.l.Event(ev)
	}
	return next
}

func (f *follower) lastSeen() chat.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *follower) signal(sig chat.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live {
		f.l.Signal(sig)
	}
}

// sync has the log read: after the channel was subscribed to, or when the log
// and what was received differ.
func (f *follower) sync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.catchingUp {
		f.again = true
		return
	}
	f.startCatchUp()
}

// startCatchUp is called with f.mu held.
func (f *follower) startCatchUp() {
	f.catchingUp = true
	f.store.start(f.catchUp)
}

// catchUp reads the log until it holds nothing that l does not know.
func (f *follower) catchUp(context.Context) {
	warned := false
	for f.ctx.Err() == nil {
		done, err := f.readPage()
		if done {
			return
		}
		if err != nil && !warned && f.ctx.Err() == nil {
			f.store.log.Warn("reading room log failed, retrying", "room", f.room, "err", err)
			warned = true
		}
		if err != nil {
			pause(f.ctx, retryPause)
		}
	}
}

// readPage reads one page. It reports whether there is nothing more to read.
func (f *follower) readPage() (done bool, err error) {
	f.mu.Lock()
	f.again, f.pending = false, f.pending[:0]
	last, live := f.last, f.live
	f.mu.Unlock()

	ctx, cancel := context.WithTimeout(f.ctx, replyTimeout)
	defer cancel()
	var evs []chat.Event
	if live {
		evs, err = f.since(ctx, last)
	}
	reset := errors.Is(err, chat.ErrReset)
	if reset || !live {
		var ids []chat.ID
		if ids, err = f.store.Last(ctx, f.room); err == nil {
			last = ids[0]
		}
	}
	if err != nil {
		return false, err
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ev := range evs {
		f.last = ev.ID
		f.l.Event(chat.NewLine(ev))
	}
	switch {
	case reset:
		f.store.count.resets.Add(1)
		f.last = last
		f.l.Reset(last)
	case !live:
		f.last, f.first, f.live = last, last, true
		close(f.ready)
	}
	if len(evs) == catchUpPage || !f.drain() {
		return false, nil
	}
	f.catchingUp, f.pending = false, nil
	return true, nil
}

// drain hands on what was received while the log was read, and reports whether
// that was all there is.
func (f *follower) drain() bool {
	for _, ev := range f.pending {
		if ev.ID.After(f.last) && !f.deliver(ev) {
			return false
		}
	}
	return !f.again
}

// since is Since, but for a room where nothing had been said: whatever its log
// holds by now was said after its channel was subscribed to.
func (f *follower) since(ctx context.Context, last chat.ID) ([]chat.Event, error) {
	evs, err := f.store.Since(ctx, f.room, last, catchUpPage)
	if err == nil && last.IsZero() && len(evs) > 0 && !evs[0].Prev.IsZero() {
		return nil, chat.ErrReset
	}
	return evs, err
}
