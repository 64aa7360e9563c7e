package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/sse"
)

// The routes and the shapes of the tutorials that teach to build a chat room,
// so that their pages work here: /publish, /subscribe and /event_stream,
// /ws/send, and lines like "[12:34:56] ann: hi".

// streamText answers with messages as SSE whose data is a line of text. Everything
// else is an event with a name, which onmessage does not get.
func (s *Server) streamText(w http.ResponseWriter, r *http.Request, rooms []chat.RoomID, cursor string) error {
	sub, err := s.open(r, rooms, cursor)
	if err != nil {
		return err
	}
	defer sub.Close()
	streamHead(w.Header(), typeSSE)
	at := trackCursor(rooms, sub.Cursor())
	wr := eventStream
	wr.batch = func(out []byte, b hub.Batch) []byte {
		for _, it := range b.Items {
			out = at.appendText(out, it)
		}
		return out
	}
	s.send(w, r, sub, wr)
	return nil
}

// appendText adds an item as a frame to out: a message as text, another event
// as what it is. Signals but resets are left out.
func (c *cursorTracker) appendText(out []byte, it hub.Item) []byte {
	c.advance(it)
	if it.ID.IsZero() && it.Kind != chat.Reset {
		return out
	}
	f := sse.Frame{Type: string(it.Kind), Data: it.JSON, ID: c.at.Append(nil)}
	if it.Kind == chat.Message {
		f.Data = bytes.Join(textOf(it), []byte("\n"))
	}
	return f.Append(out)
}

// textOf is a message as lines, and nothing for what is no message.
func textOf(it hub.Item) [][]byte {
	var ev chat.Event
	if it.Kind != chat.Message || json.Unmarshal(it.JSON, &ev) != nil {
		return nil
	}
	return bytes.Split([]byte(strings.TrimSuffix(said(ev), "\n")), []byte("\n"))
}

// subscribe is streamText, but the last page comes first.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) error {
	rooms, err := roomsOrLobby(r)
	if err != nil {
		return err
	}
	v, err := s.reader(r, rooms...)
	if err != nil {
		return err
	}
	if c := cursor(r); c != "" {
		return s.streamText(w, r, rooms, c)
	}
	from := make(chat.Cursor, len(rooms))
	for i, room := range rooms {
		page, err := v.before(r.Context(), room, chat.ID{}, defaultPage)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			from[i] = page[0].Prev
		}
	}
	return s.streamText(w, r, rooms, from.String())
}
