//go:build !function

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
	"strconv"
	"sync"
	"time"

	"confab/shared/chat"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

const (
	journalFile = "events.ndjson"
	lockFile    = "lock"
	tickEvery   = 500 * time.Millisecond
	keyTurn     = 600_000        // ms of ids whose keys are kept together, as in append.lua
	keyLife     = 24 * time.Hour // as there
	journalRoom = 16 << 20       // bytes that the file may grow by before it is written anew

	tellOfReading = 16 << 20 // bytes of a file that takes a while to read
)

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
func OpenLocal(ctx context.Context, opts Options) (*Store, error) {
	return open(ctx, opts, func(s *Store) error {
		j, err := openJournal(ctx, opts.Dir, s.opts.History, opts.Retention, s.log)
		if err != nil {
			return err
		}
		s.local, s.rdb = j, j.client()
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
	if info, err := j.file.Stat(); err == nil && info.Size() > tellOfReading {
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
		j.redis.HSet(key(ev.Room, "meta"), "title", ev.Text)
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
		own := last.Kind == chat.Edit || last.Kind == chat.Delete
		if own && ev.Kind == chat.Message && ev.ID == last.Target && ev.By.ID != last.By.ID {
			return true
		}
		if last.Key != "" && ev.Key == last.Key && ev.By.ID == last.By.ID && last.ID.MS-ev.ID.MS < keyTurn {
			return true
		}
	}
	return false
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
		if ev.Kind == chat.Delete {
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
		deleted := gone[at{ev.Room, ev.ID}] || (ev.Kind == chat.Edit && gone[at{ev.Room, ev.Target}])
		old := ev.ID.MS < oldest || count[ev.Room] >= history
		switch {
		case !deleted && !old:
			kept = append(kept, ev)
			count[ev.Room]++
		case ev.Kind == chat.Title && !titled[ev.Room]:
			titles = append(titles, ev)
		}
		titled[ev.Room] = titled[ev.Room] || ev.Kind == chat.Title
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

// restore puts an event back into the log as it was.
func (j *journal) restore(ev chat.Event) error {
	db := j.redis
	id, prev := ev.ID.String(), ev.Prev.String()
	if _, err := db.XAdd(key(ev.Room, "log"), id, []string{
		"prev", prev, "kind", string(ev.Kind), "user", ev.By.ID, "event", string(encode(ev)),
	}); err != nil {
		return err
	}
	db.HSet(key(ev.Room, "meta"), "last", id)
	switch ev.Kind {
	case chat.Title:
		db.HSet(key(ev.Room, "meta"), "title", ev.Text)
	case chat.Edit:
		if _, err := db.ZAdd(key(ev.Room, "edits"), float64(ev.Target.MS), ev.Target.String()+" "+id); err != nil {
			return err
		}
	}
	_, err := db.ZAdd(roomIndex, float64(ev.ID.MS/1000), string(ev.Room))
	return err
}

// restoreKey has an event's idempotency key known for one turn more after the
// last event of its room, see append.lua.
func (j *journal) restoreKey(ev chat.Event, last chat.ID) {
	hash := key(ev.Room, "keys:0")
	j.redis.HSet(hash, "@", strconv.FormatUint(last.MS, 10),
		ev.By.ID+" "+ev.Key, ev.ID.String()+" "+ev.Prev.String()+" "+digest(ev))
	j.redis.SetTTL(hash, keyLife)
}

// tick makes keys that have a time to live grow old, now and then: asked to do
// so by itself (ClockTTL), the built-in Redis looks at all of them at every
// command.
func (j *journal) tick(ctx context.Context) {
	for last := time.Now(); ctx.Err() == nil; {
		pause(ctx, tickEvery)
		now := time.Now()
		j.redis.FastForward(now.Sub(last))
		last = now
	}
}

func (j *journal) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:       "127.0.0.1:0", // nowhere, but no name: that the driver would look up
		Dialer:     func(context.Context, string, string) (net.Conn, error) { return j.dial() },
		Protocol:   2,
		MaxRetries: -1, DialerRetries: 1, PoolSize: poolSize, PoolTimeout: poolTimeout,
		ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, ContextTimeoutEnabled: true,
	})
}

// dial is called by the driver, which may dial for a command that has ended.
func (j *journal) dial() (net.Conn, error) {
	j.dialing.Lock()
	defer j.dialing.Unlock()
	if j.closed {
		return nil, net.ErrClosed
	}
	conn, err := j.redis.Dial()
	if err != nil {
		return nil, err
	}
	e := &eager{Conn: conn, kick: make(chan struct{}, 1), done: make(chan struct{})}
	go e.pump()
	return e, nil
}

// An eager connection takes whatever is written at once. The built-in Redis
// is at the other end of a pipe without a buffer, reads no command while it
// answers another, and answers with everything locked: one who wrote before
// reading, as in a long pipeline or with a new subscription, stopped it.
type eager struct {
	net.Conn
	once sync.Once
	kick chan struct{} // queue is not empty
	done chan struct{} // closed by Close

	mu    sync.Mutex
	queue []byte
}

func (e *eager) Write(b []byte) (int, error) {
	e.mu.Lock()
	e.queue = append(e.queue, b...)
	e.mu.Unlock()
	select {
	case e.kick <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (e *eager) pump() {
	for {
		select {
		case <-e.kick:
		case <-e.done:
			return
		}
		e.mu.Lock()
		b := e.queue
		e.queue = nil
		e.mu.Unlock()
		if _, err := e.Conn.Write(b); err != nil {
			e.Conn.Close() // who reads is told
			return
		}
	}
}

func (e *eager) Close() error {
	e.once.Do(func() { close(e.done) })
	return e.Conn.Close()
}

// Deadlines are for reading: writing takes no time.
func (e *eager) SetDeadline(t time.Time) error    { return e.Conn.SetReadDeadline(t) }
func (e *eager) SetWriteDeadline(time.Time) error { return nil }

// append writes the line first and the log second. A line whose event is
// refused, or not accepted by a full disk, is taken off again.
func (j *journal) append(ctx context.Context, s *Store, ev chat.Event) (chat.Event, bool, error) {
	if err := ctx.Err(); err != nil {
		return chat.Event{}, false, unavailable("append to "+string(ev.Room), err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	last, err := chat.ParseID(j.redis.HGet(key(ev.Room, "meta"), "last"))
	if err != nil {
		return chat.Event{}, false, unavailable("the built-in log", err)
	}
	ev.ID, ev.Prev = chat.ID{MS: uint64(time.Now().UnixMilli())}, last
	if ev.ID.MS <= last.MS {
		ev.ID = chat.ID{MS: last.MS, Seq: last.Seq + 1}
	}
	line := append(chat.JSON(ev), '\n')
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return chat.Event{}, false, unavailable("write "+journalFile, errors.Join(err, j.file.Truncate(j.size)))
	}
	out, replayed, err := s.append(context.WithoutCancel(ctx), ev, ev.ID.String())
	if j.redis.HGet(key(ev.Room, "meta"), "last") != ev.ID.String() { // not in the log
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
