package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

const maxWait = 25 * time.Second // of a long poll: front doors cut at 29 s

// shortPoll is a poll that waits for nothing, whatever it asks for. A page takes
// it where there is no place for one more stream.
func (s *Server) shortPoll(w http.ResponseWriter, r *http.Request) error {
	rooms, err := roomsOrLobby(r)
	if err != nil {
		return err
	}
	return s.poll(w, r, rooms, 0)
}

// longPoll is a poll that may wait.
func (s *Server) longPoll(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	wait, err := waitOf(r.URL.Query())
	if err != nil {
		return err
	}
	return s.poll(w, r, rooms, wait)
}

// poll answers with what happened in the rooms after a cursor: at once if
// there is something, or else when there is, or when the wait has ended.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID, wait time.Duration) error {
	after := cmp.Or(r.URL.Query().Get("after"), cursor(r))
	sub, err := s.open(r, rooms, after)
	if err != nil {
		return err
	}
	defer sub.Close()
	at := trackCursor(rooms, sub.Cursor())
	b, err := within(r.Context(), sub.Reader, s.atMost(wait))
	if lost, ok := lastWord(err); ok {
		b.Items = []hub.Item{{JSON: chat.JSON(hub.Goodbye(rand.N(comeBack), lost))}}
	} else if err != nil && !errors.Is(err, hub.ErrLagged) {
		return err
	}
	out := pollAnswer{Events: make([]json.RawMessage, len(b.Items)), Inbox: sub.inbox}
	for i, it := range b.Items {
		out.Events[i] = it.JSON
		at.advance(it)
	}
	out.Cursor = cmp.Or(at.at.String(), after)
	return answer(w, http.StatusOK, out)
}

// waitOf is how long a poll may wait: as long as it can, if it does not say.
func waitOf(q url.Values) (time.Duration, error) {
	if !q.Has("wait") {
		return maxWait, nil
	}
	n, err := strconv.Atoi(q.Get("wait"))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: wait is a number of seconds from 0 to %d", errMalformed, int(maxWait.Seconds()))
	}
	return min(time.Duration(min(n, 60))*time.Second, maxWait), nil
}

// within returns what is ready, or what comes within d. Nothing is no error.
func within(ctx context.Context, reader *hub.Reader, d time.Duration) (hub.Batch, error) {
	if d == 0 {
		return reader.Ready(ctx)
	}
	b, err := next(ctx, reader, d)
	if errors.Is(err, errQuiet) {
		err = nil
	}
	return b, err
}
