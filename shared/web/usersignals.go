package web

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/limit"
)

const (
	askUsers   = 500                    // users whose inboxes are asked for at once
	askPause   = 200 * time.Millisecond // in which several reasons to ask become one
	askTimeout = 3 * time.Second
)

// UserSignals pass on what is for one user alone, that their inbox has grown or
// that they have read a room, to the streams that they have here. All servers are
// told of all users, and ask again for those here when they may have missed some.
type userSignals struct {
	rooms   Rooms
	hub     *hub.Hub
	streams *limit.Concurrency // by user
	log     *slog.Logger

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	follows bool
	asks    bool // the inboxes are to be asked for
}

func newUserSignals(rooms Rooms, h *hub.Hub, streams *limit.Concurrency, log *slog.Logger) *userSignals {
	u := &userSignals{rooms: rooms, hub: h, streams: streams, log: log}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	return u
}

// follow begins, with the first stream of a user.
func (u *userSignals) follow() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.follows || u.ctx.Err() != nil {
		return
	}
	u.follows = true
	u.rooms.FollowInboxes(u.ctx, u.pass)
}

func (u *userSignals) close() {
	u.mu.Lock()
	u.cancel()
	u.mu.Unlock()
	u.wg.Wait()
}

func (u *userSignals) pass(user string, sig chat.Signal) {
	if sig.Kind == chat.Reset {
		u.askSoon()
	} else if u.streams.Holds(user) {
		u.hub.SignalUser(user, sig)
	}
}

// askSoon has the last notices asked for of all who have streams here, after some
// may have been missed. How far somebody has read on another device, their page asks
// when it comes back.
func (u *userSignals) askSoon() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asks || u.ctx.Err() != nil {
		return
	}
	u.asks = true
	u.wg.Go(func() {
		for err := u.pauseAndAsk(); err != nil && u.ctx.Err() == nil; err = u.pauseAndAsk() {
			u.log.Warn("inboxes not asked for, retrying", "err", err)
		}
	})
}

func (u *userSignals) pauseAndAsk() error {
	select {
	case <-time.After(askPause):
	case <-u.ctx.Done():
		return nil
	}
	u.mu.Lock()
	u.asks = false // what is missed from now on is asked for once more
	u.mu.Unlock()
	for page := range slices.Chunk(u.streams.Keys(), askUsers) {
		inboxes := make([]chat.RoomID, len(page))
		for i, user := range page {
			inboxes[i] = chat.Inbox(user)
		}
		ctx, cancel := context.WithTimeout(u.ctx, askTimeout)
		ids, err := u.rooms.Last(ctx, inboxes...)
		cancel()
		if err != nil {
			return err
		}
		for i, id := range ids {
			if !id.IsZero() {
				u.hub.SignalUser(page[i], chat.Signal{Kind: chat.Grown, ID: id})
			}
		}
	}
	return nil
}
