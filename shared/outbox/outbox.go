// Package outbox tells people what happened outside of the rooms that they
// read: it writes notices into their inboxes.
//
// The store notes an event that concerns somebody in the append that writes it,
// so none is lost with the server that wrote it. Whoever does the work has a task
// alone for a while, writes its notices, and finishes it. If it dies in between,
// the task is handed out again, and what was written before is not written
// again: the key of a notice is that of its event.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
)

const (
	sweepEvery  = 5 * time.Second // how often a server looks for what others have left
	page        = 32              // tasks that are asked for at once
	maxFailed   = 3               // of them, before the others have to wait too
	taskTimeout = 5 * time.Second
	giveUpAfter = 24 * time.Hour // an event that is not in its log for so long was lost with it
	waiting     = 256            // rooms in which something was just said that concerns somebody
)

// A Store is what the outbox needs of the store. Its methods are those of
// package store.
type Store interface {
	Tasks(ctx context.Context, n int, near ...chat.RoomID) ([]chat.Task, error)
	Finish(ctx context.Context, tasks ...chat.Task) error
	Append(ctx context.Context, ev chat.Event) (_ chat.Line, replayed bool, err error)
	Before(ctx context.Context, room chat.RoomID, before chat.ID, n int) ([]chat.Event, error)
	Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error)
	Rooms(ctx context.Context, rooms ...chat.RoomID) ([]chat.Room, error)
	People(ctx context.Context, room chat.RoomID) ([]chat.User, error)
	Members(ctx context.Context, room chat.RoomID) ([]chat.Belonging, error)
	Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error)
}

// A Worker does what the outbox holds. Its methods are safe for concurrent use,
// also by the workers of other servers.
type Worker struct {
	store Store
	log   *slog.Logger
	kick  chan chat.RoomID
	away  atomic.Bool // the outbox could not be read, and that was logged
}

// New makes a worker.
func New(store Store, log *slog.Logger) *Worker {
	return &Worker{store: store, log: log, kick: make(chan chat.RoomID, waiting)}
}

// Wake has Run do what was just noted near a room. It does not block.
func (w *Worker) Wake(room chat.RoomID) {
	select {
	case w.kick <- room:
	default: // the next sweep finds it
	}
}

// Run does what there is to do, on all servers, until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	w.Do(ctx)
	for {
		select {
		case room := <-w.kick:
			w.Do(ctx, room)
		case <-tick.C:
			w.Do(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Do does what there is to do, or only what is near a room. What fails is done
// later, here or elsewhere.
func (w *Worker) Do(ctx context.Context, near ...chat.RoomID) {
	for ctx.Err() == nil {
		tasks, err := w.store.Tasks(ctx, page, near...)
		if err != nil {
			if !w.away.Swap(true) {
				w.warn(ctx, "outbox not read, retrying", err)
			}
			return
		}
		w.away.Store(false)
		failed := 0
		for _, t := range tasks {
			if err := w.do(ctx, t); err != nil {
				w.warn(ctx, "notices not written, they are tried again", err, "room", t.Room, "event", t.ID)
				failed++
			}
			if failed == maxFailed {
				return
			}
		}
		if len(tasks) < page || failed > 0 {
			return
		}
	}
}

func (w *Worker) warn(ctx context.Context, what string, err error, more ...any) {
	if ctx.Err() == nil {
		w.log.Warn(what, append(more, "err", err)...)
	}
}

// do does one task.
func (w *Worker) do(ctx context.Context, t chat.Task) error {
	ctx, cancel := context.WithTimeout(ctx, taskTimeout)
	defer cancel()
	ev, found, err := w.read(ctx, t.Room, t.ID)
	if err != nil || !found && !w.gone(ctx, t) {
		return err
	}
	if found {
		notices, err := w.notices(ctx, t, ev)
		if err != nil {
			return err
		}
		for _, n := range notices {
			if err := w.write(ctx, n); err != nil {
				return err
			}
		}
	}
	return w.store.Finish(ctx, t)
}

// write writes a notice. That it is there already, with another text, is fine.
func (w *Worker) write(ctx context.Context, n chat.Event) error {
	if _, _, err := w.store.Append(ctx, n); err != nil && !errors.Is(err, chat.ErrReused) {
		return fmt.Errorf("write a notice: %w", err)
	}
	return nil
}

// read reads an event. Not found means that it was deleted, or that it is not
// shown yet.
func (w *Worker) read(ctx context.Context, room chat.RoomID, id chat.ID) (ev chat.Event, found bool, err error) {
	evs, err := w.store.Before(ctx, room, id.Next(), 1)
	if err != nil || len(evs) == 0 || evs[0].ID != id {
		return ev, false, err
	}
	return evs[0], true, nil
}

// gone reports whether an event that was not found will not be found later: the
// log is past it, or was lost long ago. Where replicas have to acknowledge an
// event, it may not be shown yet.
func (w *Worker) gone(ctx context.Context, t chat.Task) bool {
	last, err := w.store.Last(ctx, t.Room)
	return err == nil && !t.ID.After(last[0]) || time.Since(t.ID.Time()) > giveUpAfter
}
