package web

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// What a stream tells its reader, and what it waits for.
const (
	comeBack     = 2 * time.Second        // an EventSource comes back after so long,
	comeBackSoon = 250 * time.Millisecond // or after so long where streams end early
	finiteWait   = 20 * time.Second       // for the first event, where answers are buffered
	writeTimeout = 10 * time.Second       // for one write to a reader
)

// stream reads the rooms of the query, or the lobby.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	rooms, err := queryRooms(r)
	if err != nil {
		return err
	}
	if len(rooms) == 0 {
		rooms = []chat.RoomID{chat.Lobby}
	}
	return s.live(w, r, rooms)
}

// live answers with the rooms' events as SSE, from the request's cursor on,
// for as long as the reader stays.
func (s *Server) live(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	reader, leave, err := s.open(r, rooms, cursor(r))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", typeSSE)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	switch {
	case r.Context().Value(finiteKey{}) != nil:
		defer leave()
		defer reader.Close()
		finite(w, r, reader)
	case s.cfg.Hub.Takes() && ownConnection(r):
		s.giveAway(w, r, reader, leave)
	default:
		defer leave()
		defer reader.Close()
		ctx, cancel := s.lifetime(r.Context())
		defer cancel()
		rc := http.NewResponseController(w)
		pump(ctx, reader, func(b []byte) error {
			_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // a function has none, and its front door its own
			if _, err := w.Write(b); err != nil {
				return err
			}
			return rc.Flush()
		})
	}
	return nil
}

// cursor is where a request wants to go on. The header is what an EventSource
// sends when it comes back by itself, so it is newer than the address.
func cursor(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("last_event_id")
}

// ownConnection reports whether a request came over a TCP connection of its own,
// which the hub can write to directly.
func ownConnection(r *http.Request) bool {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, tcp := addr.(*net.TCPAddr)
	return tcp && r.ProtoMajor == 1 && r.TLS == nil && r.Method == http.MethodGet
}

var errEnds = errors.New("the stream has lived its time")

// lifetime is how long a stream may live.
func (s *Server) lifetime(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.cfg.StreamFor == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.cfg.StreamFor, errEnds)
}

// giveAway writes the head and what the ring does not hold, and hands the
// connection to the hub. No goroutine is left.
func (s *Server) giveAway(w http.ResponseWriter, r *http.Request, reader *hub.Reader, leave func()) {
	ctx := r.Context()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		reader.Close()
		leave()
		s.log.Error("connection not taken", "err", err)
		return
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = w.Header().Write(&head) // to memory
	head.WriteString("\r\n")
	head.Write(hub.Opening(reader.Cursor(), comeBack))
	write := func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := conn.Write(b)
		return err
	}
	_ = conn.SetReadDeadline(time.Time{})
	err = write(head.Bytes())
	for err == nil && !reader.Live() {
		var b hub.Batch
		if b, err = reader.Next(ctx); err == nil {
			err = write(b.Frames)
		}
	}
	var ends time.Time
	if s.cfg.StreamFor > 0 {
		ends = time.Now().Add(s.cfg.StreamFor)
	}
	if err != nil || !reader.Take(conn, ends, leave) {
		reader.Close()
		leave()
		conn.Close()
	}
}

// pump writes what the reader gets until one of them ends.
func pump(ctx context.Context, reader *hub.Reader, write func([]byte) error) {
	err := write(hub.Opening(reader.Cursor(), comeBack))
	for err == nil {
		var b hub.Batch
		b, err = next(ctx, reader, hub.PingEvery)
		switch {
		case err == nil:
			err = write(b.Frames)
		case errors.Is(err, errQuiet):
			err = write(hub.Ping())
		case errors.Is(err, errEnds), errors.Is(err, context.DeadlineExceeded): // a function's own
			_ = write(hub.Bye(comeBackSoon))
		case errors.Is(err, hub.ErrClosed):
			_ = write(hub.Bye(rand.N(comeBack)))
		}
	}
}

var errQuiet = errors.New("nothing was said")

// next is reader.Next, but for errQuiet when nothing came within d.
func next(ctx context.Context, reader *hub.Reader, d time.Duration) (hub.Batch, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errQuiet)
	defer cancel()
	return reader.Next(ctx)
}

type finiteKey struct{}

// Finite serves h where nothing is passed on before an answer's end: its streams
// end with what is new, or else with the first that comes.
func Finite(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), finiteKey{}, true)))
	})
}

// finite answers where the front door passes nothing on before the end: with
// all that is new, or else the first that comes within a while. The opening
// block alone, when nothing does, keeps the reader's place.
func finite(w http.ResponseWriter, r *http.Request, reader *hub.Reader) {
	opening := hub.Opening(reader.Cursor(), comeBackSoon) // the cursor before, lest a cut answer skip what follows
	b, err := next(r.Context(), reader, finiteWait)
	if err != nil && !errors.Is(err, errQuiet) {
		b = hub.Batch{}
	}
	_, _ = w.Write(append(opening, b.Frames...)) // a reader that has left comes back with its cursor
}
