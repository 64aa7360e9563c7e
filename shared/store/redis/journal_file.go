//go:build !function

package redis

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"confab/shared/chat"
)

// readJournal reads all whole lines, and how many bytes they are. What a dying
// process left of a last one is dropped with a warning; damage before that
// stops the start, for there is more behind it.
func readJournal(ctx context.Context, r io.Reader, log *slog.Logger) (evs []chat.Event, size int64, err error) {
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		if len(line) == 0 {
			return evs, size, nil
		}
		var ev chat.Event
		bad := json.Unmarshal(line, &ev)
		if err == nil && bad == nil && !ev.ID.IsZero() {
			evs, size = append(evs, ev), size+int64(len(line))
			continue
		}
		if _, peek := br.Peek(1); errors.Is(peek, io.EOF) {
			log.Warn("last line torn, dropped", "file", journalFile, "line", n, "bytes", len(line))
			return evs, size, nil
		}
		return nil, 0, fmt.Errorf("line %d is no event: %w", n, bad)
	}
}

// refused reports whether the log would not have taken the last line, whose
// process then died before it took the line off again. All others it took.
func refused(evs []chat.Event, last chat.Event) bool {
	for _, ev := range slices.Backward(evs) {
		if ev.Room != last.Room {
			continue
		}
		own := rule(last).Own
		if own && ev.Kind == rule(last).Target && ev.ID == last.Target && ev.By.ID != last.By.ID {
			return true
		}
		if last.Key != "" && ev.Key == last.Key && ev.By.ID == last.By.ID && last.ID.MS-ev.ID.MS < keyTurn {
			return true
		}
	}
	return false
}

// rule is the row of an event's kind.
func rule(ev chat.Event) chat.Rule {
	row, _ := ev.Kind.Rule()
	return row
}

// keep is what the rules leave of a journal: nothing that was deleted, per
// room the last so many; and of each room whose title is older than that, the
// event that gave it.
func keep(evs []chat.Event, history int, retention time.Duration) (kept, titles []chat.Event) {
	type at struct {
		room chat.RoomID
		id   chat.ID
	}
	gone := map[at]bool{}
	for _, ev := range evs {
		if rule(ev).RemovesText {
			gone[at{ev.Room, ev.Target}] = true
		}
	}
	oldest := uint64(0)
	if retention > 0 {
		oldest = uint64(time.Now().Add(-retention).UnixMilli())
	}
	count := map[chat.RoomID]int{}
	titled := map[chat.RoomID]bool{}
	for _, ev := range slices.Backward(evs) {
		deleted := gone[at{ev.Room, ev.ID}] || (rule(ev).ReplacesText && gone[at{ev.Room, ev.Target}])
		old := ev.ID.MS < oldest || count[ev.Room] >= history
		switch {
		case !deleted && !old:
			kept = append(kept, ev)
			count[ev.Room]++
		case rule(ev).Sets != "" && !titled[ev.Room]:
			titles = append(titles, ev)
		}
		titled[ev.Room] = titled[ev.Room] || rule(ev).Sets != ""
	}
	slices.Reverse(kept)
	return kept, titles
}

// rewrite replaces the file in one step.
func (j *journal) rewrite(evs []chat.Event) error {
	var b bytes.Buffer
	for _, ev := range evs {
		b.Write(chat.JSON(ev))
		b.WriteByte('\n')
	}
	path := j.path + ".new"
	next, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(b.Bytes())
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(path, j.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(path))
	}
	old := j.file
	j.file, j.size = next, int64(b.Len())
	j.full = j.size + max(j.size, journalRoom)
	return old.Close()
}

// compact writes the file anew without what need not be kept. j.mu is held.
func (j *journal) compact() {
	j.full = j.size + journalRoom // when the next try is due, should this one fail
	evs, _, err := readJournal(context.Background(), io.NewSectionReader(j.file, 0, j.size), j.log)
	if err == nil {
		kept, titles := keep(evs, j.history, j.age)
		err = j.rewrite(slices.Concat(titles, kept))
	}
	if err != nil {
		j.log.Warn("file not written anew", "file", journalFile, "err", err)
	}
}
