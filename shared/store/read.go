package store

import (
	"context"
	"errors"
	"slices"

	"confab/shared/chat"

	"github.com/redis/go-redis/v9"
)

const (
	roomIndex = "confab:rooms" // zset: room → when it was last spoken in, Unix seconds
	maxRooms  = 100
)

// Since returns up to n events after an id, oldest first. The zero id is the
// beginning of what is kept. It fails with [chat.ErrReset] when the log does
// not continue the id: trimmed past it, flushed, restored, or never there.
func (s *Store) Since(ctx context.Context, room chat.RoomID, after chat.ID, n int) ([]chat.Event, error) {
	log := key(room, "log")
	pipe := s.rdb.Pipeline()
	tail := pipe.XRangeN(ctx, log, "("+after.String(), "+", int64(n))
	head := pipe.XRangeN(ctx, log, "-", "+", 1)
	last := pipe.HGet(ctx, key(room, "meta"), "last")
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable("read "+string(room), err)
	}
	evs, err := s.events(tail.Val())
	if err != nil || after.IsZero() {
		return evs, err
	}
	end, _ := chat.ParseID(last.Val())
	if after.After(end) || broken(head.Val(), evs, after, end) {
		return nil, chat.ErrReset
	}
	return evs, nil
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
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.StringCmd, len(rooms))
	for i, room := range rooms {
		cmds[i] = pipe.HGet(ctx, key(room, "meta"), "last")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable("read the last ids", err)
	}
	ids := make([]chat.ID, len(rooms))
	for i, cmd := range cmds {
		if cmd.Err() != nil && !errors.Is(cmd.Err(), redis.Nil) { // one of several failed, which Exec need not say
			return nil, unavailable("read the last id of "+string(rooms[i]), cmd.Err())
		}
		ids[i], _ = chat.ParseID(cmd.Val())
	}
	return ids, nil
}

// Rooms tells of the rooms named, or without a name of those spoken in last,
// at most 100, the latest first.
func (s *Store) Rooms(ctx context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	if len(ids) == 0 {
		names, err := s.rdb.ZRevRange(ctx, roomIndex, 0, maxRooms-1).Result()
		if err != nil {
			return nil, unavailable("list rooms", err)
		}
		for _, name := range names {
			ids = append(ids, chat.RoomID(name))
		}
	}
	rooms := make([]chat.Room, len(ids))
	pipe := s.rdb.Pipeline()
	metas := make([]*redis.SliceCmd, len(ids))
	heres := make([]*redis.StringSliceCmd, len(ids))
	for i, id := range ids {
		metas[i] = pipe.HMGet(ctx, key(id, "meta"), "last", "title")
		heres[i] = pipe.ZRange(ctx, key(id, "here"), 0, -1)
	}
	if len(ids) > 0 {
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, unavailable("read rooms", err)
		}
	}
	for i, id := range ids {
		last, _ := metas[i].Val()[0].(string)
		title, _ := metas[i].Val()[1].(string)
		rooms[i] = chat.Room{ID: id, Title: title, People: len(users(heres[i].Val()))}
		rooms[i].Last, _ = chat.ParseID(last)
	}
	return rooms, nil
}
