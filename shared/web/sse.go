package web

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"
)

// eventStream is the form that the hub keeps.
var eventStream = wire{
	opening: hub.Opening,
	batch:   func(out []byte, b hub.Batch) []byte { return b.AppendSSE(out) },
	ping:    hub.Ping,
	bye:     hub.Bye,
}

// live answers with the rooms' events as SSE, from the request's cursor on,
// for as long as the reader stays.
func (s *Server) live(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	sub, err := s.open(r, rooms, cursor(r))
	if err != nil {
		return err
	}
	streamHead(w.Header(), typeSSE)
	if r.Context().Value(bufferedKey{}) == nil && s.gate.hub.CanAdopt() && ownConnection(r) {
		s.serveDetached(w, r, sub)
		return nil
	}
	defer sub.Close()
	s.send(w, r, sub, eventStream)
	return nil
}

// ownConnection reports whether a request came over a TCP connection of its own,
// which the hub can write to directly.
func ownConnection(r *http.Request) bool {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, tcp := addr.(*net.TCPAddr)
	return tcp && r.ProtoMajor == 1 && r.TLS == nil && r.Method == http.MethodGet
}

// serveDetached writes the head and what the ring does not hold, and hands the
// connection to the hub. No goroutine is left.
func (s *Server) serveDetached(w http.ResponseWriter, r *http.Request, sub *subscription) {
	ctx := r.Context()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		sub.Close()
		s.log.Error("hijacking a connection failed", "err", err)
		return
	}
	head, seal := bytes.NewBufferString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: "+time.Now().UTC().Format(http.TimeFormat)+"\r\n"), plainBody
	chunked := r.ProtoAtLeast(1, 1)
	if chunked {
		head.WriteString("Transfer-Encoding: chunked\r\n")
		seal = sse.Chunk
	}
	_ = w.Header().Write(head) // to memory
	head.WriteString("\r\n")
	head.Write(seal(hub.Opening(sub.opening(), comeBack)))
	write := func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(hub.StallLimit))
		_, err := conn.Write(b)
		return err
	}
	_ = conn.SetReadDeadline(time.Time{})
	err = write(head.Bytes())
	for err == nil && !sub.Live() {
		var b hub.Batch
		if b, err = sub.Next(ctx); err == nil {
			err = write(seal(b.AppendSSE(nil)))
		} else if lost, ok := lastWord(err); ok {
			_ = write(seal(hub.Bye(rand.N(comeBack), lost)))
		}
	}
	as := hub.Adoption{Chunked: chunked, Ping: sub.ping, Holder: sub.holder}
	if s.cfg.StreamFor > 0 {
		as.Ends = time.Now().Add(s.cfg.StreamFor)
	}
	if err != nil || !sub.Adopt(conn, as) {
		sub.Close()
		conn.Close()
	}
}

// plainBody is a part of a body without chunks, as in HTTP/1.0.
func plainBody(b []byte) []byte { return b }
