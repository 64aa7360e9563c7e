package bolt

import (
	"context"
	"fmt"
	"slices"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

// listLookup is how many rooms are looked at to list [store.MaxRooms] of them.
const listLookup = 4096

// Rooms tells of the rooms named, or without a name of those that were active
// last, at most [store.MaxRooms], the latest first.
func (s *Store) Rooms(_ context.Context, ids ...chat.RoomID) ([]chat.Room, error) {
	var rooms []chat.Room
	err := s.view(func(tx *bbolt.Tx) error {
		listed := ids
		if len(ids) == 0 {
			listed = activeRooms(tx.Bucket(activeBucket))
		}
		for _, id := range listed {
			rec, err := readRoom(tx, id)
			if err != nil {
				return err
			}
			r, err := readRights(tx.Bucket(rightsBucket), rec.number)
			if err != nil {
				return err
			}
			rooms = append(rooms, chat.Room{ID: id, Title: rec.title, Last: rec.last, Settings: r.Settings})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rooms: %w", err)
	}
	if len(ids) == 0 { // the index is half a minute old
		slices.SortStableFunc(rooms, func(a, b chat.Room) int { return b.Last.Compare(a.Last) })
	}
	for i := range rooms {
		rooms[i].People = len(s.here.people(rooms[i].ID))
	}
	return rooms, nil
}

// activeRooms chooses the rooms of a list. Everybody's latest comes before
// anybody's second, so that no one user, in however many rooms of their own,
// pushes those of others off the list.
func activeRooms(active *bbolt.Bucket) []chat.RoomID {
	turns := [][]chat.RoomID{} // everybody's latest, everybody's second …
	turn := map[string]int{}   // of each creator
	cur := active.Cursor()
	n := 0
	for k, creator := cur.Last(); k != nil && n < listLookup; k, creator = cur.Prev() {
		if n++; len(k) <= 8 {
			continue
		}
		i := turn[string(creator)]
		turn[string(creator)]++
		if i == len(turns) {
			turns = append(turns, nil)
		}
		turns[i] = append(turns[i], chat.RoomID(k[8:]))
	}
	rooms := slices.Concat(turns...)
	return rooms[:min(len(rooms), store.MaxRooms)]
}
