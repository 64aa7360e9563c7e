package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"confab/shared/chat"
)

// Stream are the routes that read.
func Stream(s *Server, mux *http.ServeMux) {
	mux.Handle("GET /stream", s.wrap(s.stream))
	mux.Handle("GET /subscribe", s.wrap(s.subscribe))
	mux.Handle("GET /event_stream", s.wrap(s.subscribe))
	mux.Handle("GET /poll", s.wrap(s.shortPoll)) // not of the function that holds streams, which may be exhausted
	mux.Handle("GET /rooms", s.wrap(s.rooms))
	mux.Handle("GET /audit", s.wrap(s.audit))
	mux.Handle("GET /r/{room}", s.wrap(s.room))
	mux.Handle("HEAD /r/{room}", s.wrap(s.head))
	mux.Handle("GET /r/{room}/people", s.wrap(s.people))
	mux.Handle("GET /r/{room}/members", s.wrap(s.members))
	mux.Handle("GET /r/{room}/bans", s.wrap(s.bans))
	mux.Handle("GET /r/{room}/read", s.wrap(s.readMark))
	mux.Handle("GET /r/{room}/{id}", s.wrap(s.event))
}

// room answers with a room in the form that the request prefers.
func (s *Server) room(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if isInbox(r) {
		return s.inbox(w, r)
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	rooms, q := []chat.RoomID{room}, r.URL.Query()
	switch {
	case upgrades(r):
		return s.socket(w, r, rooms)
	case q.Has("offset") || q.Has("live"):
		return s.durable(w, r, room)
	}
	offers := []string{typeText, typeJSON, typeNDJSON, typeSSE}
	if s.site != nil {
		offers = append(offers, typeHTML)
	}
	form := accepts(r, offers...)
	if form == typeHTML {
		return s.document(w, r, room, chat.ID{})
	}
	v, err := s.reader(r, room)
	if err != nil {
		return err
	}
	if q.Has("follow") && q.Get("follow") != "1" {
		return fmt.Errorf("%w: follow may be 1, or is left out", errMalformed)
	}
	switch {
	case q.Has("q"):
		return s.search(w, r, v, room)
	case form == typeSSE:
		return s.live(w, r, rooms)
	case form == typeNDJSON && q.Get("follow") == "1":
		return s.follow(w, r, v, room)
	case form == "":
		return fmt.Errorf("%w: a room is read as %s", errNotAcceptable, strings.Join(offers, ", "))
	}
	p, err := v.page(r, room)
	if err != nil {
		return err
	}
	p.link(w.Header())
	switch form {
	case typeJSON:
		return s.deliver(w, r, typeJSON, jsonLine(p))
	case typeNDJSON:
		return s.deliver(w, r, typeNDJSON, p.lines())
	default:
		return s.deliver(w, r, typeText+"; charset=utf-8", p.transcript())
	}
}

// event answers with one event, at the address that its author was given for it.
// Later events say what became of it.
func (s *Server) event(w http.ResponseWriter, r *http.Request) error {
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if s.site != nil && accepts(r, typeJSON, typeHTML) == typeHTML {
		return s.document(w, r, room, id)
	}
	v, err := s.reader(r, room)
	if err != nil {
		return err
	}
	evs, err := v.before(withoutClientCancel(r).Context(), room, id.Next(), 1)
	if err != nil {
		return err
	}
	if len(evs) == 0 || evs[0].ID != id {
		return fmt.Errorf("%w: there is no such event, or not any more", chat.ErrNotFound)
	}
	return answer(w, http.StatusOK, evs[0])
}

// A page is a stretch of a room's history, oldest first.
type page struct {
	Room  chat.RoomID `json:"room"`
	Title string      `json:"title"`
	chat.Settings
	Events []any `json:"events"` // of chat.Event; when the log broke off, a reset comes first
	// Cursor is where a reader of this page goes on: after the room's last
	// event, or after the page's if there are more after it.
	Cursor chat.ID `json:"cursor"`
	More   bool    `json:"more"` // in the direction in which the page was asked for

	events  []chat.Event
	limit   int
	forward bool
}

// page returns the page that the query asks for.
func (v visitor) page(r *http.Request, room chat.RoomID) (*page, error) {
	r = withoutClientCancel(r)
	q := r.URL.Query()
	p := &page{Room: room, forward: q.Has("after")}
	before, err := p.parse(q)
	if err != nil {
		return nil, err
	}
	// This comes first, because the cursor must not be past what the page
	// shows.
	known, err := v.room(r.Context(), room)
	if err != nil {
		return nil, err
	}
	p.Title, p.Settings, p.Cursor = known.Title, known.Settings, known.Last
	if p.forward {
		if after, bad := chat.ParseID(q.Get("after")); bad == nil {
			p.events, err = v.since(r.Context(), room, after, p.limit+1)
		} else {
			err = chat.ErrReset
		}
	}
	reset := errors.Is(err, chat.ErrReset)
	if !p.forward || reset {
		p.forward = false
		p.events, err = v.before(r.Context(), room, before, p.limit+1)
	}
	if err != nil {
		return nil, err
	}
	p.settle(reset)
	return p, nil
}

// parse reads how much of the room is asked for, and before what.
func (p *page) parse(q url.Values) (before chat.ID, err error) {
	p.limit = defaultPage
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 || n > maxPage {
			return before, fmt.Errorf("%w: limit is a number from 1 to %d", errMalformed, maxPage)
		}
		p.limit = n
	}
	if before, err = chat.ParseID(q.Get("before")); err != nil {
		return before, fmt.Errorf("%w: before is %s", errMalformed, plain(err, chat.ErrInvalid))
	}
	if q.Has("before") && q.Get("before") == "" {
		return before, fmt.Errorf("%w: before is the id of an event", errMalformed)
	}
	if p.forward && q.Has("before") {
		return before, fmt.Errorf("%w: say before or after, not both", errMalformed)
	}
	return before, nil
}

// settle drops the event that was read only to know whether there are more,
// and says where to go on.
func (p *page) settle(reset bool) {
	p.More = len(p.events) > p.limit
	switch {
	case p.More && p.forward:
		p.events = p.events[:p.limit]
		p.Cursor = p.events[p.limit-1].ID
	case p.More:
		p.events = p.events[1:]
	}
	if n := len(p.events); n > 0 && p.events[n-1].ID.After(p.Cursor) {
		p.Cursor = p.events[n-1].ID
	}
	p.Events = make([]any, 0, len(p.events)+1)
	if reset {
		p.Events = append(p.Events, chat.Signal{Room: p.Room, Kind: chat.Reset, Cursor: p.Cursor.String()})
	}
	for _, ev := range p.events {
		p.Events = append(p.Events, ev)
	}
}

// link names the neighbouring pages (RFC 8288): prev is older, next newer.
func (p *page) link(h http.Header) {
	if len(p.events) == 0 {
		return
	}
	first, last := p.events[0], p.events[len(p.events)-1]
	if !first.Prev.IsZero() && (p.forward || p.More) {
		h.Add("Link", fmt.Sprintf(`<%s?before=%s&limit=%d>; rel="prev"`, roomPath(p.Room), first.ID, p.limit))
	}
	if p.Cursor.After(last.ID) || p.forward && p.More {
		h.Add("Link", fmt.Sprintf(`<%s?after=%s&limit=%d>; rel="next"`, roomPath(p.Room), last.ID, p.limit))
	}
}

// lines is the page as NDJSON: one event in each line.
func (p *page) lines() []byte {
	var b []byte
	for _, ev := range p.Events {
		b = append(append(b, chat.JSON(ev)...), '\n')
	}
	return b
}

// transcript is the page as text for people: its messages as they read now.
func (p *page) transcript() []byte {
	edited := map[chat.ID]string{}
	for _, ev := range p.events {
		if ev.Kind == chat.Edit {
			edited[ev.Target] = ev.Text
		}
	}
	var b bytes.Buffer
	for _, ev := range p.events {
		if ev.Kind != chat.Message {
			continue
		}
		if text, ok := edited[ev.ID]; ok {
			ev.Text = text
		}
		b.WriteString(said(ev))
	}
	return b.Bytes()
}

// A text of several lines is indented, so that no text can look like another
// message.
var indent = strings.NewReplacer("\n", "\n    ", "\u2028", "\n    ", "\u2029", "\n    ")

// said is a message as a line of text.
func said(ev chat.Event) string {
	return fmt.Sprintf("[%s] %s: %s\n", ev.Time().UTC().Format("15:04:05"), ev.By.Name, indent.Replace(ev.Text))
}
