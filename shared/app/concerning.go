package app

import (
	"context"

	"confab/shared/chat"
	"confab/shared/outbox"
	"confab/shared/store"
)

// Concerning is a store of which people hear, outside of the room, what was
// written into it here. What dies before that is found by another server, or by
// the next post of its kind.
type concerning struct {
	store.Store
	worker *outbox.Worker
	frozen bool // nothing runs between two requests
}

func (c concerning) Append(ctx context.Context, ev chat.Event) (chat.Line, bool, error) {
	l, replayed, err := c.Store.Append(ctx, ev)
	if err != nil || !ev.Concerns() {
		return l, replayed, err
	}
	if c.frozen {
		c.worker.Do(ctx, ev.Room)
	} else {
		c.worker.Wake(ev.Room)
	}
	return l, replayed, err
}
