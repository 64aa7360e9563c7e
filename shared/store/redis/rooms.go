package redis

import (
	"cmp"
	"context"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const (
	roomIndex = "confab:rooms" // zset: room → when it was last spoken in, Unix seconds

	indexedRooms  = 1000             // rooms that the index holds
	indexInterval = 30 * time.Second // how often it is told of a room
	indexTimeout  = 250 * time.Millisecond
)

// Rooms is that of [store.Store], without the rooms that a Cluster cannot tell
// of now.
func (s *Store) Rooms(ctx context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	named := len(ids) > 0
	if !named {
		names, err := s.rdb.ZRevRange(ctx, roomIndex, 0, store.MaxRooms-1).Result()
		if err != nil {
			return nil, store.Unavailable("list rooms", err)
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
			return nil, store.Unavailable("read "+string(id), err)
		}
	}
	return rooms, nil
}

// index notes, now and then, that a room is alive, for a client that asks
// which rooms there are. It is not part of the append: it spans rooms, and nothing
// is lost with it.
func (s *Store) index(ctx context.Context, room chat.RoomID) {
	s.mu.Lock()
	now := time.Now()
	if now.Sub(s.indexedAt) > indexInterval {
		s.indexed, s.indexedAt = map[chat.RoomID]bool{}, now
	}
	done := s.indexed[room]
	s.indexed[room] = true
	s.mu.Unlock()
	if done {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), indexTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	pipe.ZAdd(ctx, roomIndex, redis.Z{Score: float64(now.Unix()), Member: string(room)})
	pipe.ZRemRangeByRank(ctx, roomIndex, 0, -indexedRooms-1)
	if _, err := pipe.Exec(ctx); err != nil {
		s.log.Warn("indexing a room failed", "room", room, "err", err)
	}
}
