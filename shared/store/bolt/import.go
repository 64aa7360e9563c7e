package bolt

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"go.etcd.io/bbolt"
)

const (
	journalName  = "events.ndjson" // of the servers before this file: one JSON event a line
	asideSuffix  = ".imported"
	importCommit = 5000 // events in one transaction
	reportImport = 16 << 20
)

var importedKey = []byte("imported") // → hash of the journal that was read

// importJournal reads what an earlier server kept, if it did, into a new file.
func importJournal(ctx context.Context, opts store.Options, db *bbolt.DB, now time.Time) error {
	path := filepath.Join(opts.Dir, journalName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > reportImport {
		opts.Log.Info("reading the file of an earlier version", "file", journalName, "MB", info.Size()>>20)
	}
	hash := sha256.New()
	evs, err := readJournal(ctx, io.TeeReader(f, hash), opts.Log)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	evs = kept(evs)
	s := &Store{opts: opts, log: opts.Log, clock: func() time.Time { return now }, db: db}
	for page := range slices.Chunk(evs, importCommit) {
		if err := s.update(func(b *batch) error { return b.restore(page) }); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return s.update(func(b *batch) error { return b.tx.Bucket(confabBucket).Put(importedKey, hash.Sum(nil)) })
}

// readJournal reads all lines. What a dying process left of a last one is
// dropped with a warning; damage before that stops the start, because there is
// more behind it.
func readJournal(ctx context.Context, r io.Reader, log *slog.Logger) (evs []chat.Event, err error) {
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(line) == 0 {
			return evs, nil
		}
		ev, bad := readEarlier(line)
		if err == nil && bad == nil && !ev.ID.IsZero() {
			evs = append(evs, ev)
			continue
		}
		if _, peek := br.Peek(1); errors.Is(peek, io.EOF) {
			log.Warn("last line torn, dropped", "file", journalName, "line", n, "bytes", len(line))
			return evs, nil
		}
		return nil, fmt.Errorf("line %d is no event: %w", n, bad)
	}
}

// readEarlier reads a line of a journal, in which an event's key was kept as its
// author sent it.
func readEarlier(line []byte) (chat.Event, error) {
	var kept struct {
		chat.Event
		Key string `json:"key"`
	}
	err := json.Unmarshal(line, &kept)
	kept.Event.Key, kept.KeyHash = kept.Key, chat.KeyHash(kept.By.ID, kept.Key)
	return kept.Event, err
}

// refused reports whether the earlier server refused the last line, and died
// before it took the line off again. All others it accepted.
func refused(evs []chat.Event, last chat.Event) bool {
	rule, _ := last.Kind.Rule()
	for _, ev := range slices.Backward(evs) {
		if ev.Room != last.Room {
			continue
		}
		if rule.Own && ev.ID == last.Target && ev.By.ID != last.By.ID {
			return true
		}
		repeat := last.Key != "" && ev.Key == last.Key && ev.By.ID == last.By.ID
		if repeat && last.ID.Time().Sub(ev.ID.Time()) < keyGeneration {
			return true
		}
	}
	return false
}

// kept is what a journal holds that was not deleted.
func kept(evs []chat.Event) []chat.Event {
	if n := len(evs) - 1; n >= 0 && refused(evs[:n], evs[n]) {
		evs = evs[:n]
	}
	type at struct {
		room chat.RoomID
		id   chat.ID
	}
	gone := map[at]bool{}
	for _, ev := range evs {
		if rule, _ := ev.Kind.Rule(); rule.RemovesText {
			gone[at{ev.Room, ev.Target}] = true
		}
	}
	return slices.DeleteFunc(evs, func(ev chat.Event) bool {
		rule, _ := ev.Kind.Rule()
		return gone[at{ev.Room, ev.ID}] || (rule.ReplacesText && gone[at{ev.Room, ev.Target}])
	})
}

// restore puts events into the logs as they were.
func (b *batch) restore(evs []chat.Event) error {
	for _, ev := range evs {
		rule, known := ev.Kind.Rule()
		if !known {
			return fmt.Errorf("event %s of %s: %q is no kind of event", ev.ID, ev.Room, ev.Kind)
		}
		name := []byte(ev.Room)
		rec, err := decodeRecord(name, b.rooms.Get(name))
		if err != nil {
			return err
		}
		if !ev.ID.After(rec.last) {
			return fmt.Errorf("event %s of %s is not after %s", ev.ID, ev.Room, rec.last)
		}
		c := &call{ev: ev, body: store.Encode(ev)}
		if ev.Key != "" && b.now.Sub(ev.ID.Time()) < keyGeneration {
			c.hash, c.digest = hashKey(ev.Room, ev.By.ID, ev.Key), store.Digest(ev)
		}
		b.budget = trimBudget
		if err := b.write(c, rule, name, rec, &rights{}, ev.ID.Time()); err != nil {
			return err
		}
	}
	return nil
}

// setAside renames a journal that was read. One that was not is left alone, and
// stops the start: a server would not show what is in it.
func setAside(db *bbolt.DB, opts store.Options) error {
	path := filepath.Join(opts.Dir, journalName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	read := false
	err = db.View(func(tx *bbolt.Tx) error {
		read = string(tx.Bucket(confabBucket).Get(importedKey)) == string(hash.Sum(nil))
		return nil
	})
	if err != nil {
		return err
	}
	if !read {
		return fmt.Errorf("%s holds both %s and an %s that was not read into it: move one of them away; nothing was changed", opts.Dir, fileName, journalName)
	}
	if err := os.Rename(path, path+asideSuffix); err != nil {
		return err
	}
	opts.Log.Info("what an earlier version kept was read", "file", journalName, "kept as", journalName+asideSuffix)
	return syncFolder(opts.Dir)
}
