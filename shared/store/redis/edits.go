package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const editTries = 3 // reads of the edits of a page, which may be replaced meanwhile

var errEdits = errors.New("its edits change faster than they are read")

// asTheyRead gives every event of a page its last text: that of a message which
// was edited, and that of an edit which was replaced. Nothing in a stream can be
// changed in its place, so the log has the first text until it is trimmed, and
// nobody but this function reads it. With no edits in the room, known, it asks
// nothing more.
func (s *Store) asTheyRead(ctx context.Context, keys roomKeys, evs []chat.Event, known *redis.IntCmd) ([]chat.Event, error) {
	if len(evs) == 0 || known.Val() == 0 {
		return evs, nil
	}
	for range editTries {
		last, err := s.lastEdits(ctx, keys, evs)
		if err != nil {
			return nil, err
		}
		texts, err := s.textsOf(ctx, keys, evs, last)
		if err != nil {
			return nil, err
		}
		if len(texts) == len(last) { // or one was replaced since it was looked up
			return rewritten(evs, texts), nil
		}
	}
	return nil, store.Unavailable("read the edits of a page", errEdits)
}

// lastEdits returns the last edit of each event that events are about, or that
// is among them.
func (s *Store) lastEdits(ctx context.Context, keys roomKeys, evs []chat.Event) (map[chat.ID]chat.ID, error) {
	from, to := evs[0].ID, evs[len(evs)-1].ID
	for _, ev := range evs {
		if rule, _ := ev.Kind.Rule(); rule.ReplacesText && from.After(ev.Target) {
			from = ev.Target
		}
	}
	found, err := s.rdb.ZRangeByScore(ctx, keys.edits(), &redis.ZRangeBy{Min: fmt.Sprint(from.MS), Max: fmt.Sprint(to.MS)}).Result()
	if err != nil {
		return nil, store.Unavailable("read edits", err)
	}
	edits := map[chat.ID]chat.ID{}
	for _, member := range found {
		of, by, _ := strings.Cut(member, " ")
		target, err1 := chat.ParseID(of)
		edit, err2 := chat.ParseID(by)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if edit.After(edits[target]) {
			edits[target] = edit
		}
	}
	wanted := map[chat.ID]chat.ID{}
	for _, ev := range evs {
		rule, _ := ev.Kind.Rule()
		target := ev.ID
		if rule.ReplacesText {
			target = ev.Target
		}
		if edit, edited := edits[target]; edited {
			wanted[target] = edit
		}
	}
	return wanted, nil
}

// textsOf returns the texts of edits, by their targets: those that are among the
// events, and those that are read. One that is not in the log any more is left
// out.
func (s *Store) textsOf(ctx context.Context, keys roomKeys, evs []chat.Event, edits map[chat.ID]chat.ID) (map[chat.ID]string, error) {
	texts := map[chat.ID]string{}
	pipe := s.rdb.Pipeline()
	var reads []*redis.XMessageSliceCmd
	for target, edit := range edits {
		i, here := slices.BinarySearchFunc(evs, edit, func(ev chat.Event, id chat.ID) int { return ev.ID.Compare(id) })
		if here {
			texts[target] = evs[i].Text
			continue
		}
		reads = append(reads, pipe.XRange(ctx, keys.log(), edit.String(), edit.String()))
	}
	if len(reads) == 0 {
		return texts, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, store.Unavailable("read edits", err)
	}
	for _, read := range reads {
		found, err := events(read.Val())
		if err != nil {
			return nil, err
		}
		for _, ev := range found {
			texts[ev.Target] = ev.Text
		}
	}
	return texts, nil
}

func rewritten(evs []chat.Event, texts map[chat.ID]string) []chat.Event {
	for i, ev := range evs {
		target := ev.ID
		if rule, _ := ev.Kind.Rule(); rule.ReplacesText {
			target = ev.Target
		}
		if text, edited := texts[target]; edited {
			evs[i].Text = text
		}
	}
	return evs
}
