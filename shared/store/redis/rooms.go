package redis

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const (
	maxCreated  = 10 // rooms of one creator in the index of a bucket
	bucketRooms = 40 // rooms of a bucket that a list looks at, the latest
)

// Rooms is that of [store.Store], without the rooms that a Cluster cannot tell
// of now.
func (s *Store) Rooms(ctx context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	named := len(ids) > 0
	if !named {
		entries, err := s.indexed(ctx)
		if err != nil {
			return nil, store.Unavailable("list rooms", err)
		}
		ids = takeTurns(entries, store.MaxRooms)
	}
	pipe := s.rdb.Pipeline()
	metas := make([]*redis.SliceCmd, len(ids))
	heres := make([]*redis.StringSliceCmd, len(ids))
	for i, id := range ids {
		keys := s.keys.room(id)
		metas[i] = pipe.HMGet(ctx, keys.meta(), append([]string{"last", "shown", "title"}, settingFields...)...)
		heres[i] = pipe.ZRange(ctx, keys.here(), 0, -1)
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	rooms := make([]chat.Room, 0, len(ids))
	for i, id := range ids {
		switch err := cmp.Or(metas[i].Err(), heres[i].Err()); {
		case err == nil:
			title, _ := metas[i].Val()[2].(string)
			_, last := s.ends(ctx, id, metas[i].Val())
			if !named && last.IsZero() { // it is gone, or nothing of it is shown yet
				continue
			}
			rooms = append(rooms, chat.Room{
				ID: id, Title: title, Last: last, People: len(users(heres[i].Val())), Settings: settingsOf(metas[i].Val()[3:]),
			})
		case named:
			return nil, store.Unavailable("read "+string(id), err)
		}
	}
	if !named {
		slices.SortStableFunc(rooms, func(a, b chat.Room) int { return b.Last.Compare(a.Last) })
	}
	return rooms, nil
}

// An indexed room is one as the index has it.
type indexed struct {
	room    chat.RoomID
	creator string  // who spoke first in it
	spoken  float64 // when it was last spoken in
}

// indexed reads the index of all buckets in one round trip. It fails when none
// of them can be read.
func (s *Store) indexed(ctx context.Context) ([]indexed, error) {
	pipe := s.rdb.Pipeline()
	var cmds [buckets]*redis.ZSliceCmd
	for n := range cmds {
		cmds[n] = pipe.ZRevRangeWithScores(ctx, s.keys.bucket(n).rooms(), 0, bucketRooms-1)
	}
	_, err := pipe.Exec(ctx)
	var all []indexed
	for _, cmd := range cmds {
		if cmd.Err() == nil {
			err = nil
		}
		for _, z := range cmd.Val() {
			member, _ := z.Member.(string)
			creator, room, _ := strings.Cut(member, " ")
			all = append(all, indexed{chat.RoomID(room), creator, z.Score})
		}
	}
	return all, err
}

// takeTurns chooses n rooms and returns the latest first. Everybody's latest
// comes before anybody's second, so that no one user, in however many rooms of
// their own, pushes those of others off the list.
func takeTurns(all []indexed, n int) []chat.RoomID {
	latest := func(a, b indexed) int {
		return cmp.Or(cmp.Compare(b.spoken, a.spoken), cmp.Compare(a.room, b.room))
	}
	slices.SortFunc(all, latest)
	turn := map[string]int{}
	turns := make(map[chat.RoomID]int, len(all))
	var chosen []indexed
	for _, r := range all {
		if _, twice := turns[r.room]; !twice {
			turns[r.room] = turn[r.creator]
			turn[r.creator]++
			chosen = append(chosen, r)
		}
	}
	slices.SortStableFunc(chosen, func(a, b indexed) int { return cmp.Compare(turns[a.room], turns[b.room]) })
	chosen = chosen[:min(n, len(chosen))]
	slices.SortFunc(chosen, latest)
	ids := make([]chat.RoomID, len(chosen))
	for i, r := range chosen {
		ids[i] = r.room
	}
	return ids
}
