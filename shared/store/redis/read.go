package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// Since is that of [store.Log].
func (s *Store) Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	keys := s.keys.room(room)
	log := keys.log()
	pipe := s.rdb.Pipeline()
	tail := pipe.XRangeN(ctx, log, "("+after.String(), "+", int64(n))
	head := pipe.XRangeN(ctx, log, "-", "+", 1)
	meta := pipe.HMGet(ctx, keys.meta(), "last", "shown")
	edits := pipe.ZCard(ctx, keys.edits())
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, store.Unavailable("read "+string(room), err)
	}
	evs, err := events(tail.Val())
	if err == nil {
		evs, err = s.asTheyRead(ctx, keys, evs, edits)
	}
	if err != nil {
		return nil, err
	}
	last, end := s.ends(ctx, room, meta.Val())
	evs = slices.DeleteFunc(evs, func(ev chat.Event) bool { return ev.ID.After(end) })
	switch {
	case after.IsZero():
		return evs, nil
	case after.After(end) && !after.After(last): // a failover forgot that it was shown
		return nil, store.Unavailable("read "+string(room), errTooFew)
	case after.After(end) || broken(head.Val(), evs, after, end):
		return nil, s.brokenOff(ctx, room)
	}
	return evs, nil
}

// brokenOff is how Since ends at a log that does not continue an id. Where
// replicas acknowledge what is shown, they acknowledge that as well: a primary
// that was replaced, and came back empty, has none.
func (s *Store) brokenOff(ctx context.Context, room chat.RoomID) error {
	if s.replication != nil {
		if _, err := s.replication.settle(ctx, room); err != nil {
			return store.Unavailable("read "+string(room), err)
		}
	}
	return chat.ErrReset
}

// ends returns the id of a room's last event, and of the last that may be
// seen, from the fields "last" and "shown" of its meta.
func (s *Store) ends(ctx context.Context, room chat.RoomID, meta []any) (last, end chat.ID) {
	text := func(i int) string { v, _ := meta[i].(string); return v }
	last, _ = chat.ParseID(text(0))
	if s.replication == nil {
		return last, last
	}
	end, _ = chat.ParseID(text(1))
	if last.After(end) {
		if id, err := s.replication.settle(ctx, room); err == nil {
			return id, id
		}
	}
	return last, end
}

// broken reports whether events are missing between after and evs, which are
// what the log holds after it. Deleting takes entries out of the log, so prev
// may name one that is gone, but only trimming takes the first ones, and only
// a log that was begun anew points back past the cursor.
func broken(head []redis.XMessage, evs []chat.Event, after, end chat.ID) bool {
	if len(evs) > 0 && after.After(evs[0].Prev) {
		return true
	}
	if len(head) == 0 {
		return end.After(after)
	}
	prev, _ := head[0].Values["prev"].(string)
	first, err := chat.ParseID(prev)
	return err != nil || first.After(after)
}

// Before is that of [store.Log].
func (s *Store) Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error) {
	end := "+"
	if !before.IsZero() {
		end = "(" + before.String()
	}
	if s.replication != nil {
		last, err := s.Last(ctx, room)
		if err != nil {
			return nil, err
		}
		if before.IsZero() || before.After(last[0]) {
			end = last[0].String()
		}
	}
	keys := s.keys.room(room)
	pipe := s.rdb.Pipeline()
	found := pipe.XRevRangeN(ctx, keys.log(), end, "-", int64(n))
	edits := pipe.ZCard(ctx, keys.edits())
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, store.Unavailable("read "+string(room), err)
	}
	msgs := found.Val()
	slices.Reverse(msgs)
	evs, err := events(msgs)
	if err != nil {
		return nil, err
	}
	return s.asTheyRead(ctx, keys, evs, edits)
}

func events(msgs []redis.XMessage) ([]chat.Event, error) {
	evs := make([]chat.Event, 0, len(msgs))
	for _, m := range msgs {
		prev, _ := m.Values["prev"].(string)
		body, _ := m.Values["event"].(string)
		at, _ := m.Values["at"].(string)
		p, err := position(m.ID, prev, at)
		if err != nil {
			return nil, err
		}
		ev, err := store.Decode(p, []byte(body))
		if err != nil {
			return nil, err
		}
		evs = append(evs, ev)
	}
	return evs, nil
}

// Last is that of [store.Log].
func (s *Store) Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error) {
	ids, errs := s.lasts(ctx, rooms)
	if err := cmp.Or(errs...); err != nil {
		return nil, store.Unavailable("read the last ids", err)
	}
	return ids, nil
}

// lasts is Last with an error for each room: on a Cluster some may be away.
func (s *Store) lasts(ctx context.Context, rooms []chat.RoomID) ([]chat.ID, []error) {
	pipe := s.rdb.Pipeline()
	metas := make([]*redis.SliceCmd, len(rooms))
	for i, room := range rooms {
		metas[i] = pipe.HMGet(ctx, s.keys.room(room).meta(), "last", "shown")
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	ids := make([]chat.ID, len(rooms))
	errs := make([]error, len(rooms))
	for i, meta := range metas {
		if errs[i] = meta.Err(); errs[i] == nil {
			_, ids[i] = s.ends(ctx, rooms[i], meta.Val())
		}
	}
	return ids, errs
}

// position reads an event's position.
func position(id, prev, at string) (p store.Position, err error) {
	if p.ID, err = chat.ParseID(id); err != nil {
		return p, err
	}
	if p.Prev, err = chat.ParseID(prev); err != nil {
		return p, err
	}
	p.At, err = strconv.ParseInt(at, 10, 64)
	return p, err
}
