package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	roomIndex = "confab:rooms" // zset: room → when it was last spoken in, Unix seconds
	maxRooms  = 100

	indexedRooms = 1000             // rooms that the index holds
	indexEvery   = 30 * time.Second // how often it hears of a room
	indexTimeout = 250 * time.Millisecond
)

// Since returns up to n events after an id, oldest first. The zero id is the
// beginning of what is kept. It fails with [chat.ErrReset] when the log does
// not continue the id: trimmed past it, flushed, restored, or never there.
func (s *Store) Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	log := key(room, "log")
	pipe := s.rdb.Pipeline()
	tail := pipe.XRangeN(ctx, log, "("+after.String(), "+", int64(n))
	head := pipe.XRangeN(ctx, log, "-", "+", 1)
	meta := pipe.HMGet(ctx, key(room, "meta"), "last", "shown")
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, unavailable("read "+string(room), err)
	}
	evs, err := s.events(tail.Val())
	if err != nil {
		return nil, err
	}
	last, end := s.ends(ctx, room, meta.Val())
	evs = slices.DeleteFunc(evs, func(ev chat.Event) bool { return ev.ID.After(end) })
	switch {
	case after.IsZero():
		return evs, nil
	case after.After(end) && !after.After(last): // a failover forgot that it was shown
		return nil, unavailable("read "+string(room), errFew)
	case after.After(end) || broken(head.Val(), evs, after, end):
		return nil, s.brokenOff(ctx, room)
	}
	return evs, nil
}

// brokenOff is how Since ends at a log that does not continue an id. Where
// replicas confirm what is shown, they confirm that as well: a primary that was
// replaced, and came back empty, has none.
func (s *Store) brokenOff(ctx context.Context, room chat.RoomID) error {
	if s.copies != nil {
		if _, err := s.copies.settle(ctx, room); err != nil {
			return unavailable("read "+string(room), err)
		}
	}
	return chat.ErrReset
}

// ends returns the id of a room's last event, and of the last that may be
// seen, from the fields "last" and "shown" of its meta.
func (s *Store) ends(ctx context.Context, room chat.RoomID, meta []any) (last, end chat.ID) {
	text := func(i int) string { v, _ := meta[i].(string); return v }
	last, _ = chat.ParseID(text(0))
	if s.copies == nil {
		return last, last
	}
	end, _ = chat.ParseID(text(1))
	if last.After(end) {
		if id, err := s.copies.settle(ctx, room); err == nil {
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

// Before returns the last n events before an id, oldest first. The zero id is
// after everything.
func (s *Store) Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error) {
	end := "+"
	if !before.IsZero() {
		end = "(" + before.String()
	}
	if s.copies != nil {
		last, err := s.Last(ctx, room)
		if err != nil {
			return nil, err
		}
		if before.IsZero() || before.After(last[0]) {
			end = last[0].String()
		}
	}
	msgs, err := s.rdb.XRevRangeN(ctx, key(room, "log"), end, "-", int64(n)).Result()
	if err != nil {
		return nil, unavailable("read "+string(room), err)
	}
	slices.Reverse(msgs)
	return s.events(msgs)
}

func (s *Store) events(msgs []redis.XMessage) ([]chat.Event, error) {
	evs := make([]chat.Event, 0, len(msgs))
	for _, m := range msgs {
		prev, _ := m.Values["prev"].(string)
		body, _ := m.Values["event"].(string)
		ev, err := decode(m.ID, prev, body)
		if err != nil {
			return nil, err
		}
		evs = append(evs, ev)
	}
	return evs, nil
}

// Last returns the id of each room's last event, the zero id for a room where
// nothing was said.
func (s *Store) Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error) {
	ids, errs := s.lasts(ctx, rooms)
	if err := cmp.Or(errs...); err != nil {
		return nil, unavailable("read the last ids", err)
	}
	return ids, nil
}

// lasts is Last with an error for each room: on a Cluster some may be away.
func (s *Store) lasts(ctx context.Context, rooms []chat.RoomID) ([]chat.ID, []error) {
	pipe := s.rdb.Pipeline()
	metas := make([]*redis.SliceCmd, len(rooms))
	for i, room := range rooms {
		metas[i] = pipe.HMGet(ctx, key(room, "meta"), "last", "shown")
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

// Rooms tells of the rooms named, or without a name of those spoken in last,
// at most 100, the latest first: without those that a Cluster cannot tell of
// now.
func (s *Store) Rooms(ctx context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	named := len(ids) > 0
	if !named {
		names, err := s.rdb.ZRevRange(ctx, roomIndex, 0, maxRooms-1).Result()
		if err != nil {
			return nil, unavailable("list rooms", err)
		}
		for _, name := range names {
			ids = append(ids, chat.RoomID(name))
		}
	}
	pipe := s.rdb.Pipeline()
	metas := make([]*redis.SliceCmd, len(ids))
	heres := make([]*redis.StringSliceCmd, len(ids))
	for i, id := range ids {
		metas[i] = pipe.HMGet(ctx, key(id, "meta"), "last", "shown", "title")
		heres[i] = pipe.ZRange(ctx, key(id, "here"), 0, -1)
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	rooms := make([]chat.Room, 0, len(ids))
	for i, id := range ids {
		switch err := cmp.Or(metas[i].Err(), heres[i].Err()); {
		case err == nil:
			title, _ := metas[i].Val()[2].(string)
			_, last := s.ends(ctx, id, metas[i].Val())
			rooms = append(rooms, chat.Room{ID: id, Title: title, Last: last, People: len(users(heres[i].Val()))})
		case named:
			return nil, unavailable("read "+string(id), err)
		}
	}
	return rooms, nil
}
