package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"confab/shared/chat"

	"golang.org/x/text/unicode/norm"
)

// What one search may cost.
const (
	maxQuery   = 100    // characters looked for
	maxScan    = 10_000 // events looked at
	scanBatch  = 1_000  // events read at once
	defaultHit = 20     // messages found, unless the query says how many
)

// found are the messages of a room that hold a text, newest first. It has the
// shape of a page.
type found struct {
	Room   chat.RoomID  `json:"room"`
	Title  string       `json:"title"`
	Events []chat.Event `json:"events"`
	// Cursor is where the search goes on, as before=, if there is more to look
	// at. There may be more even where nothing was found.
	Cursor chat.ID `json:"cursor"`
	More   bool    `json:"more"`
}

// search answers with the messages that hold a text as they read now. It looks
// at the log itself: there is no index that lags behind, or still knows what
// was deleted.
func (s *Server) search(w http.ResponseWriter, r *http.Request, v visitor, room chat.RoomID) error {
	q := r.URL.Query()
	look := foldText(strings.TrimSpace(q.Get("q")))
	if n := utf8.RuneCountInString(look); n == 0 || n > maxQuery || !utf8.ValidString(q.Get("q")) {
		return fmt.Errorf("%w: q is the text to look for, of 1 to %d characters", errMalformed, maxQuery)
	}
	var p page
	before, err := p.parse(q)
	if err != nil {
		return err
	}
	if !q.Has("limit") {
		p.limit = defaultHit
	}
	if s.cfg.AllowSearch != nil {
		if err := s.cfg.AllowSearch(s.network(r)); err != nil {
			return err
		}
	}
	known, err := v.room(r.Context(), room)
	if err != nil {
		return err
	}
	out := found{Room: room, Title: known.Title, Events: []chat.Event{}}
	if err := v.search(r.Context(), &out, look, before, p.limit); err != nil {
		return err
	}
	return s.deliver(w, r, typeJSON, jsonLine(out))
}

// search fills in what it finds before an id. It stops when nobody waits for
// the answer any more.
func (v visitor) search(ctx context.Context, out *found, look string, before chat.ID, limit int) error {
	for seen := 0; seen < maxScan; seen += scanBatch {
		evs, err := v.before(ctx, out.Room, before, scanBatch)
		if err != nil {
			return err
		}
		for i := len(evs) - 1; i >= 0; i-- {
			ev := evs[i]
			before = ev.ID
			if ev.Kind != chat.Message || !strings.Contains(foldText(ev.Text), look) {
				continue
			}
			if len(out.Events) == limit {
				out.Cursor, out.More = out.Events[limit-1].ID, true
				return nil
			}
			out.Events = append(out.Events, ev)
		}
		if len(evs) < scanBatch {
			return nil // the room begins here
		}
	}
	out.Cursor, out.More = before, true
	return nil
}

// foldText is the form in which texts are compared: compatible characters are
// the same (NFKC), and so are capitals and small letters.
func foldText(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return norm.NFKC.String(strings.ToLower(strings.ToUpper(norm.NFKC.String(text))))
		}
	}
	return strings.ToLower(text)
}
