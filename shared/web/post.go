package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"confab/shared/access"
	"confab/shared/chat"
)

// Post are the routes that write.
func Post(s *Server, mux *http.ServeMux) {
	mux.Handle("POST /post", s.wrap(s.postPlain))
	mux.Handle("POST /publish", s.wrap(s.publish))
	mux.Handle("GET /ws/send", s.wrap(s.textSocket)) // a GET, but what it is for is to write
	mux.Handle("POST /r/{room}", s.wrap(s.post))
	mux.Handle("PUT /r/{room}", s.wrap(s.create))
	mux.Handle("POST /rooms", s.wrap(s.makeRoom))
	mux.Handle("POST /direct", s.wrap(s.direct))
	mux.Handle("PATCH /r/{room}", s.act(chat.Title, readChange))
	mux.Handle("DELETE /r/{room}", s.act(chat.Title, closes))
	mux.Handle("PUT /r/{room}/members/{user}", s.act(chat.Standings, readRole))
	mux.Handle("DELETE /r/{room}/members/{user}", s.act(chat.Standings, leaves))
	mux.Handle("PUT /r/{room}/bans/{user}", s.wrap(s.ban))
	mux.Handle("DELETE /r/{room}/bans/{user}", s.act(chat.Standings, unbans))
	mux.Handle("PATCH /r/{room}/{id}", s.act(chat.Edit, readEdit))
	mux.Handle("DELETE /r/{room}/{id}", s.act(chat.Delete, nil))
	mux.Handle("PUT /r/{room}/{id}/reactions/{emoji}", s.act(chat.Reaction, readEmoji))
	mux.Handle("DELETE /r/{room}/{id}/reactions/{emoji}", s.act(chat.Reaction, readEmojiOff))
	mux.Handle("POST /r/{room}/{id}/reports", s.wrap(s.report))
	mux.Handle("PUT /r/{room}/read", s.wrap(s.setReadMark))
	mux.Handle("POST /r/{room}/typing", s.wrap(s.typing))
}

func (in postRequest) draft(room chat.RoomID) chat.Draft {
	return chat.Draft{Room: room, Kind: chat.Message, Text: cmp.Or(in.Text, in.Message), Reply: in.Reply, Key: in.Key}
}

func readMessage(r *http.Request, kind string) (in postRequest, err error) {
	switch kind {
	case typeJSON:
		err = readJSON(r, &in)
	case typeText:
		in.Text, err = readText(r)
	default:
		var form url.Values
		if form, err = readForm(r, kind); err == nil {
			in.Room, in.Key, in.Text, in.Message = form.Get("room"), form.Get("key"), form.Get("text"), form.Get("message")
			in.Reply, err = chat.ParseID(form.Get("reply"))
		}
	}
	in.Key = cmp.Or(r.Header.Get("Idempotency-Key"), in.Key)
	return in, err
}

// post writes a message into the room of the path, or several.
func (s *Server) post(w http.ResponseWriter, r *http.Request) error {
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	v, kind, err := s.beginPost(r, typeJSON, typeForm, typeMultipart, typeText)
	if err != nil {
		return err
	}
	p, err := readProducer(r.Header)
	if err != nil {
		return err
	}
	if kind == typeJSON && holdsArray(r) {
		return s.postAll(w, r, v, room, p)
	}
	in, err := readMessage(r, kind)
	if err != nil {
		return err
	}
	if p.key != "" {
		return s.postOne(w, r, v, in.draft(room), p)
	}
	ev, code, err := s.postTo(w, r, v, in.draft(room))
	if err != nil {
		return err
	}
	if kind == typeForm && s.site != nil && accepts(r, typeJSON, typeHTML) == typeHTML { // a page without a script
		http.Redirect(w, r, roomPath(room), http.StatusSeeOther)
		return nil
	}
	return answer(w, code, ev)
}

// postPlain writes a message into the room of the body, or into the lobby. A
// form is answered with nothing, so that a page without a script stays where
// it is.
func (s *Server) postPlain(w http.ResponseWriter, r *http.Request) error {
	return s.postBody(w, r, typeForm, typeMultipart, typeJSON)
}

// publish is postPlain that takes text too.
func (s *Server) publish(w http.ResponseWriter, r *http.Request) error {
	return s.postBody(w, r, typeForm, typeMultipart, typeJSON, typeText)
}

func (s *Server) postBody(w http.ResponseWriter, r *http.Request, types ...string) error {
	v, kind, err := s.beginPost(r, types...)
	if err != nil {
		return err
	}
	in, err := readMessage(r, kind)
	if err != nil {
		return err
	}
	room, err := chat.ParseRoom(cmp.Or(in.Room, string(chat.Lobby)))
	if err != nil {
		return fmt.Errorf("%w: %s", errMalformed, plain(err, chat.ErrInvalid))
	}
	ev, code, err := s.postTo(w, r, v, in.draft(room))
	if err != nil {
		return err
	}
	if kind != typeJSON {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return answer(w, code, ev)
}

// beginPost tells who posts, and in a body of which of these types.
func (s *Server) beginPost(r *http.Request, types ...string) (v visitor, kind string, err error) {
	if v, err = s.writer(r, chat.Message); err != nil {
		return v, "", err
	}
	kind, err = mediaType(r, types...)
	return v, kind, err
}

// postTo writes a message down and returns the status of its answer.
func (s *Server) postTo(w http.ResponseWriter, r *http.Request, v visitor, d chat.Draft) (ev chat.Line, code int, err error) {
	ev, replayed, err := s.write(r, v, d)
	if err != nil {
		return ev, 0, err
	}
	w.Header().Set("Location", roomPath(ev.Room)+"/"+ev.ID.String())
	w.Header().Set(nextOffset, offsetOf(ev.ID))
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
		return ev, http.StatusOK, nil
	}
	return ev, http.StatusCreated, nil
}

// write checks a draft against the rules and writes it down.
func (s *Server) write(r *http.Request, v visitor, d chat.Draft) (_ chat.Line, replayed bool, err error) {
	if err := v.mayAppend(chat.Event{Room: d.Room, Kind: d.Kind, Set: d.Set, Member: d.Member}); err != nil {
		return chat.Line{}, false, err
	}
	ev, err := chat.Compose(d, v.user)
	if err != nil {
		return chat.Line{}, false, err
	}
	ev.From = s.network(r)
	if s.cfg.AllowPost != nil {
		if err := s.cfg.AllowPost(s.network(r)); err != nil {
			return chat.Line{}, false, err
		}
	}
	ctx, cancel := context.WithTimeout(withoutClientCancel(r).Context(), appendLimit)
	defer cancel()
	return v.append(ctx, ev)
}

// act is a handler that writes an event about the room or the message of the
// path. Read fills in what else the request says, if there is more.
func (s *Server) act(kind chat.Kind, read func(*http.Request, *chat.Draft) error) http.Handler {
	return s.wrap(func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.writer(r, kind)
		if err != nil {
			return err
		}
		d := chat.Draft{Kind: kind, Key: r.Header.Get("Idempotency-Key")}
		if d.Room, err = pathRoom(r); err != nil {
			return err
		}
		if rule, _ := kind.Rule(); rule.Target != "" {
			if d.Target, err = pathID(r); err != nil {
				return err
			}
		}
		if read != nil {
			if err := read(r, &d); err != nil {
				return err
			}
		}
		if d.Member.User.ID != "" {
			if d.Member.User, err = v.find(r.Context(), d.Member.User.ID, d.Room); err != nil {
				return err
			}
		}
		ev, replayed, err := s.write(r, v, d)
		if err != nil {
			return err
		}
		if replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		return answer(w, http.StatusOK, ev)
	})
}

// pathID is the message that a request's path names.
func pathID(r *http.Request) (chat.ID, error) {
	id, err := chat.ParseID(r.PathValue("id"))
	if err != nil || id.IsZero() {
		return chat.ID{}, fmt.Errorf("%w: there is no such message", chat.ErrNotFound)
	}
	return id, nil
}

func readEdit(r *http.Request, d *chat.Draft) error {
	var in editRequest
	err := readPatch(r, &in)
	d.Text = in.Text
	return err
}

func readPatch(r *http.Request, v any) error {
	if _, err := mediaType(r, typeJSON, "application/merge-patch+json"); err != nil {
		return err
	}
	return readJSON(r, v)
}

func readEmoji(r *http.Request, d *chat.Draft) error {
	d.Emoji = r.PathValue("emoji")
	return nil
}

func readEmojiOff(r *http.Request, d *chat.Draft) error {
	d.Off = true
	return readEmoji(r, d)
}

// typing announces to the room that somebody is writing.
func (s *Server) typing(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visitor(r)
	if err == nil {
		err = v.check(access.Signal)
	}
	if err != nil {
		return err
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	if err := s.types(r, v, room); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// types announces it, unless that was done a moment ago.
func (s *Server) types(r *http.Request, v visitor, room chat.RoomID) error {
	turn := v.user.ID + " " + string(room)
	if !s.typed.Allow(turn) {
		return nil
	}
	var err error
	if s.cfg.AllowTyping != nil {
		err = s.cfg.AllowTyping(s.network(r))
	}
	if err == nil {
		err = v.signal(r.Context(), chat.Signal{Room: room, Kind: chat.Typing, By: &v.user})
	}
	if err != nil {
		s.typed.Return(turn)
	}
	return err
}
