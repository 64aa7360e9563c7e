//go:build !function

package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/alicebob/miniredis/v2"
)

const (
	journalFile  = "events.ndjson"
	lockFile     = "lock"
	tickInterval = 500 * time.Millisecond
	keyTurn      = 600_000        // ms of ids whose keys are kept together, as in append.lua
	keyLife      = 24 * time.Hour // as there
	journalRoom  = 16 << 20       // bytes that the file may grow by before it is written anew

	longFile = 16 << 20 // bytes of a file that takes a while to read
)

var localKeys = newKeyspace(defaultPrefix, 0)

// A journal is the built-in Redis and the file behind it: one JSON event a
// line, in the order in which they were said (which is also how rooms are
// exported). A line is in the file before anybody can read it in the log, so
// what was said survives the death of the process; the death of the machine
// may cost what the system had not written to the disk.
//
// At a start, and when the file has grown, it is written anew without what was
// deleted and without what is too old to keep.
type journal struct {
	redis   *miniredis.Miniredis
	log     *slog.Logger
	path    string
	history int
	age     time.Duration
	locked  *os.File

	dialing sync.Mutex // no connection is made while the built-in Redis is closed, or after
	closed  bool

	mu   sync.Mutex // held from the choice of an id to its answer
	file *os.File
	size int64 // bytes of whole lines
	full int64 // the size at which the file is written anew
}

// OpenLocal runs a Redis of our own in the process. It fails, in a sentence
// that names DATA_DIR, when the file behind it cannot be read or written, or
// is another server's.
func OpenLocal(ctx context.Context, opts store.Options) (store.Store, error) {
	return open(ctx, opts, func(s *Store) error {
		j, err := openJournal(ctx, opts.Dir, s.opts.History, opts.Retention, s.log)
		if err != nil {
			return err
		}
		s.local, s.target = j, target{rdb: j.client()}
		s.start(j.tick)
		return nil
	})
}

func openJournal(ctx context.Context, dir string, history int, retention time.Duration, log *slog.Logger) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	locked, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := lock(locked); err != nil {
		locked.Close()
		return nil, fmt.Errorf("DATA_DIR: %s is in use by another server: set another DATA_DIR or stop that one", dir)
	}
	j := &journal{
		redis: miniredis.NewMiniRedis(), log: log, locked: locked,
		path: filepath.Join(dir, journalFile), history: history, age: retention,
	}
	if err := j.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_DIR: %w", err), j.close())
	}
	return j, nil
}

// open reads the file into the log, and writes it anew if there is less to
// keep. A disk that is full may keep it from that: the file serves as it is.
func (j *journal) open(ctx context.Context) error {
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if info, err := j.file.Stat(); err == nil && info.Size() > longFile {
		j.log.Info("reading what was said", "file", journalFile, "MB", info.Size()>>20)
	}
	evs, size, err := readJournal(ctx, j.file, j.log)
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	j.size, j.full = size, size+journalRoom
	read := len(evs)
	if read > 0 && refused(evs[:read-1], evs[read-1]) {
		evs = evs[:read-1]
	}
	kept, titles := keep(evs, j.history, j.age)
	if len(kept) < read {
		err = j.rewrite(slices.Concat(titles, kept))
	}
	if err != nil {
		j.log.Warn("file not written anew", "file", journalFile, "err", err)
	}
	if err := j.file.Truncate(j.size); err != nil { // what is torn
		return err
	}
	for _, ev := range titles {
		j.redis.HSet(localKeys.room(ev.Room).meta(), "title", ev.Text)
	}
	last := map[chat.RoomID]chat.ID{}
	for _, ev := range kept {
		if err := j.restore(ev); err != nil {
			return fmt.Errorf("%s: event %s of %s: %w", j.path, ev.ID, ev.Room, err)
		}
		last[ev.Room] = ev.ID
	}
	for _, ev := range kept {
		if end := last[ev.Room]; ev.Key != "" && end.MS-ev.ID.MS < keyTurn {
			j.restoreKey(ev, end)
		}
	}
	return nil
}

// restore puts an event back into the log as it was.
func (j *journal) restore(ev chat.Event) error {
	db, keys := j.redis, localKeys.room(ev.Room)
	id, prev := ev.ID.String(), ev.Prev.String()
	if _, err := db.XAdd(keys.log(), id, []string{
		"prev", prev, "at", strconv.FormatInt(ev.At, 10), "kind", string(ev.Kind), "user", ev.By.ID, "event", string(store.Encode(ev)),
	}); err != nil {
		return err
	}
	db.HSet(keys.meta(), "last", id)
	switch {
	case rule(ev).Sets != "":
		db.HSet(keys.meta(), "title", ev.Text)
	case rule(ev).ReplacesText:
		if _, err := db.ZAdd(keys.edits(), float64(ev.Target.MS), ev.Target.String()+" "+id); err != nil {
			return err
		}
	}
	if db.HGet(keys.meta(), "creator") == "" {
		db.HSet(keys.meta(), "creator", ev.By.ID)
	}
	_, err := db.ZAdd(keys.rooms(), float64(ev.ID.MS), db.HGet(keys.meta(), "creator")+" "+string(ev.Room))
	return err
}

// restoreKey has an event's idempotency key known for one turn more after the
// last event of its room, see append.lua.
func (j *journal) restoreKey(ev chat.Event, last chat.ID) {
	hash := localKeys.room(ev.Room).keys("0")
	j.redis.HSet(hash, "@", strconv.FormatUint(last.MS, 10),
		ev.By.ID+" "+ev.Key, ev.ID.String()+" "+ev.Prev.String()+" 0 "+store.Digest(ev))
	j.redis.SetTTL(hash, keyLife)
}

// tick expires keys now and then: asked to do so by itself (ClockTTL), the
// built-in Redis looks at all of them at every command.
func (j *journal) tick(ctx context.Context) {
	for last := time.Now(); ctx.Err() == nil; {
		pause(ctx, tickInterval)
		now := time.Now()
		j.redis.FastForward(now.Sub(last))
		last = now
	}
}

// append writes the line first and the log second. A line whose event is
// refused, or not accepted by a full disk, is taken off again.
func (j *journal) append(ctx context.Context, s *Store, ev chat.Event) (chat.Line, bool, error) {
	if err := ctx.Err(); err != nil {
		return chat.Line{}, false, store.Unavailable("append to "+string(ev.Room), err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	keys := localKeys.room(ev.Room)
	last, err := chat.ParseID(j.redis.HGet(keys.meta(), "last"))
	if err != nil {
		return chat.Line{}, false, store.Unavailable("the built-in log", err)
	}
	ev.ID, ev.Prev = chat.ID{MS: uint64(time.Now().UnixMilli())}, last
	if ev.ID.MS <= last.MS {
		ev.ID = chat.ID{MS: last.MS, Seq: last.Seq + 1}
	}
	line := append(chat.JSON(ev), '\n')
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return chat.Line{}, false, store.Unavailable("write "+journalFile, errors.Join(err, j.file.Truncate(j.size)))
	}
	out, replayed, err := s.append(context.WithoutCancel(ctx), ev, ev.ID.String())
	if j.redis.HGet(keys.meta(), "last") != ev.ID.String() { // not in the log
		return out, replayed, errors.Join(err, j.file.Truncate(j.size))
	}
	if j.size += int64(len(line)); j.size > j.full {
		j.compact()
	}
	return out, replayed, err
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dialing.Lock()
	j.closed = true
	j.redis.Close()
	j.dialing.Unlock()
	var err error
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close())
	}
	return errors.Join(err, j.locked.Close())
}
