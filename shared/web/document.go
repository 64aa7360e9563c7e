package web

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"

	"confab/shared/chat"
)

const around = 25 // events before and after the one that an address names

// roomMarkup is what `make page` made for the documents of rooms, in one
// language. Text goes into its holes escaped, and once: what was said cannot
// name a hole.
//
// Decision: not html/template. It has the linker keep every method that there
// is, which makes the image 21.6 MB instead of 15.7, and each function as much
// slower to start.
type roomMarkup struct {
	Document, Member, Guest                   string
	Gone, Edited, NewHere, LoadOlder, Refresh string // words
	Lang                                      string
}

// rendered is what the page's script needs to go on from the document: who it
// is for, and what the lines were made of.
type rendered struct {
	session
	Page *page `json:"page"`
}

// document answers with a room for a browser: its last lines, those that the
// query asks for, or those around an event. A visitor who may not read it gets
// the page, whose script says why, or how to sign in.
func (s *Server) document(w http.ResponseWriter, r *http.Request, room chat.RoomID, id chat.ID) error {
	markup := s.site.rooms[language(r)]
	now, err := s.session(w, r)
	if markup == nil || err != nil {
		return s.site.index.serve(w, r)
	}
	v, err := s.reader(r, room)
	if err != nil {
		return s.site.index.serve(w, r)
	}
	p, err := v.pageAround(r, room, id)
	if err != nil {
		return s.site.index.serve(w, r) // the page shows what it kept, and tries again
	}
	guardDocument(w.Header())
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return s.deliver(w, r, typeHTML+"; charset=utf-8", markup.fill(room, p, now, id, r.URL.Query()))
}

// fill makes the document of a page. Its script goes on from there only where
// the page ends at the room's last line.
func (m *roomMarkup) fill(room chat.RoomID, p *page, now session, id chat.ID, q url.Values) []byte {
	path := roomPath(room)
	links := `<a href="` + esc(path) + `">` + esc(m.Refresh) + `</a>`
	if p.More && len(p.events) > 0 {
		links = `<a href="` + esc(path+"?before="+p.events[0].ID.String()) + `">` + esc(m.LoadOlder) + `</a> ` + links
	}
	label, topic := string(room), p.Title
	if room.Hidden() && topic != "" { // its address says nothing
		label, topic = topic, ""
	}
	holes := []string{
		"{{room}}", esc(label), "{{title}}", esc(topic), "{{path}}", esc(path), "{{key}}", rand.Text(), "{{links}}", links,
		"{{description}}", esc(cmp.Or(p.Title, "A room on Confab, an online chat: say your name, and you are in.")),
		"{{lines}}", m.lines(docLines(p.events, now.User, id)),
	}
	body, class := m.Guest, ""
	if now.User != nil {
		body, class = m.Member, "page rendered"
		if id.IsZero() && !q.Has("before") && !q.Has("after") {
			var data bytes.Buffer
			json.HTMLEscape(&data, chat.JSON(rendered{now, p})) // no text ends the element
			body += `<script type="application/json" id="rendered">{{data}}</script>`
			holes = append(holes, "{{data}}", data.String())
		}
	}
	body = strings.NewReplacer(holes...).Replace(body)
	return []byte(strings.NewReplacer(append(holes, "{{class}}", class, "{{body}}", body)...).Replace(m.Document))
}

func esc(text string) string { return html.EscapeString(text) }

// pageAround is the page that the query asks for, or the one around an event.
func (v visitor) pageAround(r *http.Request, room chat.RoomID, id chat.ID) (*page, error) {
	p, err := v.page(r, room)
	if err != nil || id.IsZero() {
		return p, err
	}
	ctx := withoutClientCancel(r).Context()
	before, err := v.before(ctx, room, id.Next(), around+1)
	if err != nil {
		return nil, err
	}
	if len(before) == 0 || before[len(before)-1].ID != id {
		return p, nil // it is not there any more: the room is
	}
	after, err := v.since(ctx, room, id, around)
	if err != nil {
		return nil, err
	}
	p.More = len(before) > around
	p.events = append(before, after...)
	return p, nil
}

// language is the one of the page's that a browser asks for first.
func language(r *http.Request) string {
	first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(first)), "zh") {
		return "zh"
	}
	return "en"
}

// roomPath is the address of a room.
func roomPath(room chat.RoomID) string { return "/r/" + url.PathEscape(string(room)) }
