package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// What a stream tells its reader, and what it waits for.
const (
	comeBack     = 2 * time.Second        // a reader comes back after so long,
	comeBackSoon = 250 * time.Millisecond // or after so long where streams end early
	bufferedWait = 20 * time.Second       // for the first event, where answers are buffered
)

// stream reads the rooms of the query, or the lobby, by the transport that the
// request asks for.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	rooms, err := roomsOrLobby(r)
	if err != nil {
		return err
	}
	if _, err := waitOf(r.URL.Query()); err != nil { // even where nothing waits
		return err
	}
	if upgrades(r) {
		return s.socket(w, r, rooms)
	}
	switch r.URL.Query().Get("format") {
	case "":
	case "text":
		return s.streamText(w, r, rooms, cursor(r))
	default:
		return fmt.Errorf("%w: format may be text, or is left out", errMalformed)
	}
	switch accepts(r, typeSSE, typeJSON, typeNDJSON) {
	case typeSSE:
		return s.live(w, r, rooms)
	case typeJSON:
		return s.longPoll(w, r, rooms)
	case typeNDJSON:
		return s.ndjson(w, r, rooms)
	}
	return fmt.Errorf("%w: a stream is read as %s, %s or %s", errNotAcceptable, typeSSE, typeJSON, typeNDJSON)
}

// upgrades reports whether a request wants a WebSocket.
func upgrades(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }

var errNoSocket = fmt.Errorf("%w: a function cannot hold a WebSocket, read this as %s or %s", errNotHere, typeSSE, typeJSON)

func roomsOrLobby(r *http.Request) ([]chat.RoomID, error) {
	rooms, err := queryRooms(r)
	if err == nil && len(rooms) == 0 {
		rooms = []chat.RoomID{chat.Lobby}
	}
	return rooms, err
}

// cursor is where a request wants to go on. The header is what an EventSource
// sends when it comes back by itself, so it is newer than the address.
func cursor(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("last_event_id")
}

// A wire is how a transport writes what a reader gets. Each of its functions
// returns whole frames, or none.
type wire struct {
	opening func(open chat.Signal, retry time.Duration) []byte
	batch   func(out []byte, b hub.Batch) []byte // appends to out
	ping    func() []byte
	bye     func(retry time.Duration, lost hub.Loss) []byte
}

// streamHead is the head of an answer that nothing on the way may keep or hold.
func streamHead(h http.Header, kind string) {
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// send answers with what a reader gets, until one of them ends.
func (s *Server) send(w http.ResponseWriter, r *http.Request, sub *subscription, wr wire) {
	if r.Context().Value(bufferedKey{}) != nil {
		s.buffered(w, r, sub, wr)
		return
	}
	ctx, cancel := s.lifetime(r.Context())
	defer cancel()
	rc := http.NewResponseController(w)
	err := pump(ctx, sub, wr, func(b []byte) error {
		// A function has no deadlines; its front door has its own.
		_ = rc.SetWriteDeadline(time.Now().Add(hub.StallLimit))
		if r.ProtoMajor == 2 { // it resets a stream whose deadline passes, though nothing waits to be written
			defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return rc.Flush()
	})
	if errors.Is(err, hub.ErrLagged) && r.Context().Value(http.ServerContextKey) != nil {
		panic(http.ErrAbortHandler) // the client must take this for a cut, and not for the stream's end
	}
}

var errEnds = errors.New("the stream has lived its time")

// lifetime is how long a stream may live.
func (s *Server) lifetime(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.cfg.StreamFor == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.cfg.StreamFor, errEnds)
}

// Buffers for what is written to streams: what a sleeping stream does not hold
// costs nothing.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// pump writes what the reader gets until one of them ends.
func pump(ctx context.Context, sub *subscription, wr wire, out func([]byte) error) error {
	write := func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		err := out(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			sub.SetEndReason(hub.Stalled)
		}
		return err
	}
	err := write(wr.opening(sub.opening(), comeBack))
	for err == nil {
		var b hub.Batch
		b, err = next(ctx, sub.Reader, sub.ping)
		switch {
		case err == nil:
			buf := buffers.Get().(*[]byte)
			*buf = wr.batch((*buf)[:0], b)
			err = write(*buf)
			buffers.Put(buf)
		case errors.Is(err, errQuiet):
			err = write(wr.ping())
		case errors.Is(err, errEnds), errors.Is(err, context.DeadlineExceeded): // a function's own
			sub.SetEndReason(hub.Ended)
			_ = write(wr.bye(comeBackSoon, hub.Loss{}))
		default:
			if lost, ok := lastWord(err); ok {
				_ = write(wr.bye(rand.N(comeBack), lost))
			}
		}
	}
	return err
}

// lastWord reports whether a reader is told why it ends, and returns what it lost,
// if it ends because of that.
func lastWord(err error) (lost hub.Loss, ok bool) {
	if errors.Is(err, hub.ErrClosed) {
		return hub.Loss{}, true
	}
	return errors.AsType[hub.Loss](err)
}

// atMost is d, or how long a stream may live if that is less.
func (s *Server) atMost(d time.Duration) time.Duration {
	if s.cfg.StreamFor > 0 {
		return min(d, s.cfg.StreamFor)
	}
	return d
}

var errQuiet = errors.New("nothing was said")

// next is reader.Next, but for errQuiet when nothing came within d.
func next(ctx context.Context, reader *hub.Reader, d time.Duration) (hub.Batch, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errQuiet)
	defer cancel()
	return reader.Next(ctx)
}

type bufferedKey struct{}

// Buffered serves h where nothing is passed on before an answer's end: its streams
// end with what is new, or else with the first that comes.
func Buffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bufferedKey{}, true)))
	})
}

// buffered answers where the front door passes nothing on before the end: with
// all that is new, or else the first that comes within a while. The opening
// alone, when nothing does, keeps the reader's place. A reader that has not come
// back yet waits for nothing: it has to know that the server answers.
func (s *Server) buffered(w http.ResponseWriter, r *http.Request, sub *subscription, wr wire) {
	opening := wr.opening(sub.opening(), comeBackSoon) // the cursor before, lest a cut answer skip what follows
	wait := time.Duration(0)
	if r.Header.Get("Last-Event-ID") != "" {
		wait = s.atMost(bufferedWait)
	}
	b, err := within(r.Context(), sub.Reader, wait)
	if err != nil {
		b = hub.Batch{}
	}
	_, _ = w.Write(wr.batch(opening, b)) // a reader that has left comes back with its cursor
}

// A cursorTracker is a cursor that follows what a reader gets.
type cursorTracker struct {
	rooms []chat.RoomID
	at    chat.Cursor // nil: the cursor that the reader came with cannot be parsed
}

func trackCursor(rooms []chat.RoomID, cursor string) *cursorTracker {
	at, err := chat.ParseCursor(cursor, len(rooms))
	if err != nil {
		at = nil
	}
	return &cursorTracker{rooms, at}
}

// advance moves the cursor past an item.
func (p *cursorTracker) advance(it hub.Item) {
	if it.Kind == chat.Reset {
		var sig chat.Signal
		_ = json.Unmarshal(it.JSON, &sig) // the hub wrote it
		p.at, _ = chat.ParseCursor(sig.Cursor, len(p.rooms))
		return
	}
	if i, ok := slices.BinarySearch(p.rooms, it.Room); ok && !it.ID.IsZero() {
		p.at[i] = it.ID
	}
}
