package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"confab/shared/chat"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

const journalFile = "events.ndjson"

// A journal is the built-in Redis and the file behind it: one JSON event a
// line, in the order in which they were said (which is also how rooms are
// exported). A line is in the file before anybody can read it in the log, so
// what was said survives the death of the process; the death of the machine
// may cost what the system had not written to the disk.
//
// The file is written anew at each start, without what was deleted and
// without what is too old to keep.
type journal struct {
	redis *miniredis.Miniredis
	log   *slog.Logger

	mu   sync.Mutex // held from the choice of an id to its answer
	file *os.File
	size int64 // bytes of whole lines
}

// OpenLocal runs a Redis of our own in the process. It fails, in a sentence
// that names DATA_DIR, when the file behind it cannot be read or written, or
// is another server's.
func OpenLocal(ctx context.Context, opts Options) (*Store, error) {
	log := opts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	j, err := openJournal(opts.Dir, opts.History, opts.Retention, log)
	if err != nil {
		return nil, err
	}
	return start(ctx, opts, j.client(), j), nil
}

func openJournal(dir string, history int, retention time.Duration, log *slog.Logger) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	path := filepath.Join(dir, journalFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := lock(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("DATA_DIR: %s is in use by another server: set another DATA_DIR or stop that one", dir)
	}
	evs, err := readJournal(file, log)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("DATA_DIR: %s: %w", path, err)
	}
	j := &journal{redis: miniredis.NewMiniRedis(), log: log, file: file}
	j.redis.ClockTTL(true)
	kept := keep(evs, history, retention)
	if err := j.rewrite(path, kept); err != nil {
		j.file.Close()
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	for _, ev := range kept {
		j.restore(ev)
	}
	return j, nil
}

// lock makes sure that one process alone writes the file.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// readJournal reads all whole lines. What a dying process left of a last one
// is dropped with a warning; damage before that stops the start, for there is
// more behind it.
func readJournal(r io.Reader, log *slog.Logger) ([]chat.Event, error) {
	var evs []chat.Event
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(line) > 0 {
				log.Warn("last line torn, dropped", "file", journalFile, "line", n, "bytes", len(line))
			}
			return evs, nil
		}
		if err != nil {
			return nil, err
		}
		var ev chat.Event
		if err := json.Unmarshal(line, &ev); err != nil {
			if _, peek := br.Peek(1); errors.Is(peek, io.EOF) {
				log.Warn("last line torn, dropped", "file", journalFile, "line", n, "bytes", len(line))
				return evs, nil
			}
			return nil, fmt.Errorf("line %d is no event: %w", n, err)
		}
		evs = append(evs, ev)
	}
}

// keep is what the rules leave of a journal: no event that was refused after
// it had been written, none that was deleted, per room the last so many.
func keep(evs []chat.Event, history int, retention time.Duration) []chat.Event {
	if history <= 0 {
		history = len(evs)
	}
	type at struct {
		room chat.RoomID
		id   chat.ID
	}
	authors := map[at]string{} // of the messages that stand
	gone := map[at]bool{}
	seen := map[string]bool{} // room, user and idempotency key
	var valid []chat.Event
	for _, ev := range evs {
		target := at{ev.Room, ev.Target}
		author, stands := authors[target]
		own := ev.Kind == chat.Edit || ev.Kind == chat.Delete
		again := string(ev.Room) + " " + ev.By.ID + " " + ev.Key
		if (!ev.Target.IsZero() && !stands) || (own && author != ev.By.ID) || (ev.Key != "" && seen[again]) {
			continue
		}
		seen[again] = ev.Key != ""
		switch ev.Kind {
		case chat.Message:
			authors[at{ev.Room, ev.ID}] = ev.By.ID
		case chat.Delete:
			delete(authors, target)
			gone[target] = true
		}
		valid = append(valid, ev)
	}
	oldest := uint64(0)
	if retention > 0 {
		oldest = uint64(time.Now().Add(-retention).UnixMilli())
	}
	count := map[chat.RoomID]int{}
	var kept []chat.Event
	for _, ev := range slices.Backward(valid) {
		dropped := gone[at{ev.Room, ev.ID}] || (ev.Kind == chat.Edit && gone[at{ev.Room, ev.Target}])
		if dropped || ev.ID.MS < oldest || count[ev.Room] >= history {
			continue
		}
		count[ev.Room]++
		kept = append(kept, ev)
	}
	slices.Reverse(kept)
	return kept
}

// rewrite replaces the file in one step.
func (j *journal) rewrite(path string, evs []chat.Event) error {
	var b bytes.Buffer
	for _, ev := range evs {
		b.Write(chat.JSON(ev))
		b.WriteByte('\n')
	}
	next, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = lock(next)
	if err == nil {
		_, err = next.Write(b.Bytes())
	}
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, next.Close())
	}
	old := j.file
	j.file, j.size = next, int64(b.Len())
	return old.Close()
}

// restore puts an event back into the log as it was, and its idempotency key.
func (j *journal) restore(ev chat.Event) {
	db := j.redis
	id, prev := ev.ID.String(), ev.Prev.String()
	db.XAdd(key(ev.Room, "log"), id, []string{"prev", prev, "kind", string(ev.Kind), "user", ev.By.ID, "event", string(encode(ev))})
	db.HSet(key(ev.Room, "meta"), "last", id)
	switch ev.Kind {
	case chat.Title:
		db.HSet(key(ev.Room, "meta"), "title", ev.Text)
	case chat.Edit:
		field := ev.Target.String()
		db.HSet(key(ev.Room, "edits"), field, db.HGet(key(ev.Room, "edits"), field)+" "+id)
	}
	if ev.Key != "" {
		turn := ev.ID.MS / 600_000
		hash := key(ev.Room, fmt.Sprintf("keys:%d", turn%2))
		if db.HGet(hash, "@") != fmt.Sprint(turn) {
			db.Del(hash)
			db.HSet(hash, "@", fmt.Sprint(turn))
			db.SetTTL(hash, 21*time.Minute)
		}
		db.HSet(hash, ev.By.ID+" "+ev.Key, id+" "+prev+" "+digest(ev))
	}
	score := float64(ev.ID.MS / 1000)
	db.ZAdd(roomIndex, score, string(ev.Room))
}

func (j *journal) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:       "built-in",
		Dialer:     func(context.Context, string, string) (net.Conn, error) { return j.redis.Dial() },
		Protocol:   2,
		MaxRetries: -1, DialerRetries: 1, PoolSize: poolSize,
		ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, ContextTimeoutEnabled: true,
	})
}

// append writes the line first and the log second. A line whose event is
// refused, or not accepted by a full disk, is taken off again.
func (j *journal) append(ctx context.Context, s *Store, ev chat.Event) (chat.Event, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last, err := chat.ParseID(j.redis.HGet(key(ev.Room, "meta"), "last"))
	if err != nil {
		return chat.Event{}, false, unavailable("the built-in log", err)
	}
	ev.ID, ev.Prev = chat.ID{MS: uint64(time.Now().UnixMilli())}, last
	if !ev.ID.After(last) {
		ev.ID = chat.ID{MS: last.MS, Seq: last.Seq + 1}
	}
	line := append(chat.JSON(ev), '\n')
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return chat.Event{}, false, unavailable("write "+journalFile, errors.Join(err, j.file.Truncate(j.size)))
	}
	out, replayed, err := s.append(context.WithoutCancel(ctx), ev, ev.ID.String())
	if err != nil || replayed {
		return out, replayed, errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(line))
	return out, false, nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.redis.Close()
	return errors.Join(j.file.Sync(), j.file.Close())
}
