package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// The read side of the Durable Streams protocol 1.0 (durable-streams/
// durable-streams, PROTOCOL.md): a room is a stream in JSON mode whose
// messages are the room's events. An offset is the id of the event before it,
// in a form that sorts as text.
const (
	nextOffset   = "Stream-Next-Offset"
	durableChunk = 500              // events of one answer
	durableLife  = time.Minute      // of an SSE connection
	durableStep  = 20 * time.Second // of the cursor that keeps caches apart
)

// durableEpoch is where the protocol's cursors are counted from.
var durableEpoch = time.Date(2024, time.October, 9, 0, 0, 0, 0, time.UTC)

func offsetOf(id chat.ID) string { return fmt.Sprintf("%016x_%016x", id.MS, id.Seq) }

func parseOffset(s string) (chat.ID, error) {
	if s == "-1" || s == "" {
		return chat.ID{}, nil
	}
	ms, seq, _ := strings.Cut(s, "_")
	m, err1 := strconv.ParseUint(ms, 16, 64)
	q, err2 := strconv.ParseUint(seq, 16, 64)
	id := chat.ID{MS: m, Seq: q}
	if errors.Join(err1, err2) != nil || offsetOf(id) != s {
		return chat.ID{}, fmt.Errorf("%w: offset is -1, now, or one that was given here", errMalformed)
	}
	return id, nil
}

// A durable is one read of a room.
type durable struct {
	*Server
	visitor visitor
	room    chat.RoomID
	now     bool    // it begins at the room's end,
	from    chat.ID // or after this
	last    chat.ID // of the room, when it was asked
	cursor  string
}

// head answers with the offset at which a room ends.
func (s *Server) head(w http.ResponseWriter, r *http.Request) error {
	if s.site != nil && accepts(r, typeJSON, typeHTML) == typeHTML {
		return s.room(w, r)
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	v, err := s.visitor(r)
	if err != nil {
		return err
	}
	known, err := v.room(withoutClientCancel(r).Context(), room)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set(nextOffset, offsetOf(known.Last))
	return nil
}

// durable reads a room as the query's offset and live say.
func (s *Server) durable(w http.ResponseWriter, r *http.Request, room chat.RoomID) error {
	v, err := s.reader(r, room)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	live := q.Get("live")
	if live != "" && !q.Has("offset") {
		return fmt.Errorf("%w: a live read needs an offset", errMalformed)
	}
	if n := len(q["offset"]); n > 1 || n == 1 && q.Get("offset") == "" {
		return fmt.Errorf("%w: say one offset", errMalformed)
	}
	d := &durable{Server: s, visitor: v, room: room, now: q.Get("offset") == "now"}
	if err := d.begin(r.Context(), q); err != nil {
		return err
	}
	w.Header().Set("Stream-Cursor", d.cursor)
	switch live {
	case "":
		return d.catchUp(w, r)
	case "long-poll":
		return d.longPoll(w, r)
	case "sse":
		return d.sse(w, r)
	}
	return fmt.Errorf("%w: live may be long-poll or sse", errMalformed)
}

func (d *durable) begin(ctx context.Context, q url.Values) error {
	known, err := d.visitor.room(ctx, d.room)
	if err != nil {
		return err
	}
	d.last, d.from = known.Last, known.Last
	d.cursor = nextCursor(time.Now(), q.Get("cursor"))
	if !d.now {
		d.from, err = parseOffset(q.Get("offset"))
	}
	return err
}

// nextCursor is the number of the interval that it is, or a later one than
// the client had: an answer that a cache kept is not asked for again.
func nextCursor(now time.Time, had string) string {
	n := int64(now.Sub(durableEpoch) / durableStep)
	if old, err := strconv.ParseInt(had, 10, 64); err == nil && old >= n && old < n<<1 {
		n = old + 1 + rand.Int64N(int64(time.Hour/durableStep))
	}
	return strconv.FormatInt(n, 10)
}

// since reads up to n events from where the read begins.
func (d *durable) since(ctx context.Context, n int) ([]chat.Event, error) {
	evs, err := d.visitor.since(ctx, d.room, d.from, n)
	if errors.Is(err, chat.ErrReset) {
		return nil, errTrimmed
	}
	return evs, err
}

var errTrimmed = fmt.Errorf("%w: the room does not go back to this offset any more, begin at -1", chat.ErrGone)

func (d *durable) catchUp(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	if d.now {
		h.Set("Content-Type", typeJSON)
		d.reached(h, d.last, true)
		_, _ = w.Write([]byte("[]"))
		return nil
	}
	evs, err := d.since(r.Context(), durableChunk+1)
	if err != nil {
		return err
	}
	more := len(evs) > durableChunk
	evs = evs[:min(len(evs), durableChunk)]
	msgs, end := make([][]byte, len(evs)), d.from
	for i, ev := range evs {
		msgs[i], end = chat.JSON(ev), ev.ID
	}
	d.reached(h, end, !more)
	return d.write(w, r, msgs, end)
}

// reached sets the headers that say where an answer ends, and whether the room
// ends there too.
func (d *durable) reached(h http.Header, end chat.ID, upToDate bool) {
	h.Set(nextOffset, offsetOf(end))
	if upToDate {
		h.Set("Stream-Up-To-Date", "true")
	}
}

// write answers with messages. Their number is in the tag, because a delete
// takes one out of the middle.
func (d *durable) write(w http.ResponseWriter, r *http.Request, msgs [][]byte, end chat.ID) error {
	h := w.Header()
	// Events do not change, they can only be taken out: their number tells.
	tag := fmt.Sprintf(`"%s:%s:%s:%d"`, d.room, offsetOf(d.from), offsetOf(end), len(msgs))
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if etagMatches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", typeJSON)
	_, _ = w.Write(array(msgs))
	return nil
}

func array(msgs [][]byte) []byte {
	return slices.Concat([]byte("["), bytes.Join(msgs, []byte(",")), []byte("]"))
}

// start begins to read live.
func (d *durable) start(r *http.Request) (*subscription, error) {
	from := d.from.String()
	if d.now {
		from = ""
	}
	return d.open(r, []chat.RoomID{d.room}, from)
}

func (d *durable) longPoll(w http.ResponseWriter, r *http.Request) error {
	sub, err := d.start(r)
	if err != nil {
		return err
	}
	defer sub.Close()
	if d.now {
		d.from, _ = chat.ParseID(sub.Cursor())
	}
	msgs, end, err := d.await(r.Context(), sub.Reader)
	if err != nil {
		return err
	}
	d.reached(w.Header(), end, len(msgs) < durableChunk)
	if len(msgs) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return d.write(w, r, msgs, end)
}

// await returns the events that are there, or the first that come, and where
// they end.
func (d *durable) await(ctx context.Context, reader *hub.Reader) (msgs [][]byte, end chat.ID, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxWait, errQuiet)
	defer cancel()
	end = d.from
	for read := reader.Next; ; {
		b, err := read(ctx)
		switch {
		case errors.Is(err, errQuiet), errors.Is(err, hub.ErrClosed), errors.Is(err, hub.ErrLagged):
			return msgs, end, nil
		case err != nil:
			return nil, end, err
		}
		more, last, reset := stored(b)
		if reset {
			return nil, end, errTrimmed
		}
		if len(more) > 0 {
			msgs, end, read = append(msgs, more...), last, reader.Ready
		}
		if len(msgs) >= durableChunk || len(msgs) > 0 && len(b.Items) == 0 {
			return msgs, end, nil
		}
	}
}

// stored are the events of a batch without its signals.
func stored(b hub.Batch) (msgs [][]byte, last chat.ID, reset bool) {
	for _, it := range b.Items {
		if it.Kind == chat.Reset {
			return nil, last, true
		}
		if !it.ID.IsZero() {
			msgs, last = append(msgs, it.JSON), it.ID
		}
	}
	return msgs, last, false
}

func (d *durable) sse(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.since(r.Context(), 1); err != nil {
		return err
	}
	sub, err := d.start(r)
	if err != nil {
		return err
	}
	defer sub.Close()
	ctx, cancel := context.WithTimeoutCause(r.Context(), durableLife, errEnds)
	defer cancel()
	streamHead(w.Header(), typeSSE)
	w.Header().Set("Cache-Control", "no-cache, no-store, no-transform")
	d.send(w, r.WithContext(ctx), sub, d.wire(cancel))
	return nil
}

// wire is the protocol's SSE. Nothing follows a reset: the client comes back
// with its offset, and is told that it is gone.
func (d *durable) wire(end func()) wire {
	ended := false
	return wire{
		opening: func(open chat.Signal, _ time.Duration) []byte {
			d.from, _ = chat.ParseID(open.Cursor)
			if d.last.After(d.from) {
				return nil // the first batch brings its own
			}
			return d.control(nil, d.from)
		},
		batch: func(out []byte, b hub.Batch) []byte {
			msgs, last, reset := stored(b)
			if ended = ended || reset; ended {
				end()
			}
			if ended || len(msgs) == 0 {
				return out
			}
			return d.control(appendFrame(out, "data", array(msgs)), last)
		},
		ping: func() []byte { return []byte(": ping\n\n") },
		bye:  func(time.Duration, hub.Loss) []byte { return nil },
	}
}

// control adds a frame that says where the reader is.
func (d *durable) control(out []byte, at chat.ID) []byte {
	return appendFrame(out, "control", chat.JSON(struct {
		Next     string `json:"streamNextOffset"`
		Cursor   string `json:"streamCursor"`
		UpToDate bool   `json:"upToDate,omitempty"`
	}{offsetOf(at), d.cursor, !d.last.After(at)}))
}

// appendFrame adds a frame of SSE in the form of the protocol's own server: some
// of its clients look for data right behind the colon.
func appendFrame(out []byte, kind string, data []byte) []byte {
	return fmt.Appendf(out, "event: %s\ndata:%s\n\n", kind, data)
}
