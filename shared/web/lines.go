package web

import (
	"net/http"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

// lines is the form of NDJSON, a line of JSON for each event and signal, after
// one that says where the reader begins. A WebSocket sends them as its frames.
var lines = wire{
	opening: func(open chat.Signal, _ time.Duration) []byte { return jsonLine(open) },
	batch: func(out []byte, b hub.Batch) []byte {
		for _, it := range b.Items {
			out = append(append(out, it.JSON...), '\n')
		}
		return out
	},
	ping: func() []byte { return jsonLine(chat.Signal{Kind: chat.Ping, Now: time.Now().UnixMilli()}) },
	bye:  func(retry time.Duration, lost hub.Loss) []byte { return jsonLine(hub.Goodbye(retry, lost)) },
}

// jsonLine is a value as a line of JSON.
func jsonLine(v any) []byte { return append(chat.JSON(v), '\n') }

// ndjson answers with the rooms' events as lines, from the request's cursor on.
func (s *Server) ndjson(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID) error {
	sub, err := s.open(r, rooms, cursor(r))
	if err != nil {
		return err
	}
	defer sub.Close()
	streamHead(w.Header(), typeNDJSON)
	s.send(w, r, sub, lines)
	return nil
}

// follow answers with a page of history as lines, and goes on with what
// happens after it.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, v visitor, room chat.RoomID) error {
	p, err := v.page(r, room)
	if err != nil {
		return err
	}
	if len(p.Events) > 0 && r.Context().Value(bufferedKey{}) != nil { // nothing is passed on before the end
		streamHead(w.Header(), typeNDJSON)
		_, _ = w.Write(p.lines())
		return nil
	}
	sub, err := s.open(r, []chat.RoomID{room}, p.Cursor.String())
	if err != nil {
		return err
	}
	defer sub.Close()
	streamHead(w.Header(), typeNDJSON)
	wr := lines
	wr.opening = func(chat.Signal, time.Duration) []byte { return p.lines() }
	_ = http.NewResponseController(w).Flush() // an empty page is no reason to wait with the head
	s.send(w, r, sub, wr)
	return nil
}
