package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"confab/shared/chat"
)

// Post are the routes that write.
func Post(s *Server, mux *http.ServeMux) {
	mux.Handle("POST /post", s.wrap(s.postPlain))
	mux.Handle("POST /publish", s.wrap(s.publish))
	mux.Handle("GET /ws/send", s.wrap(s.shout)) // a GET, but what it is for is to write
	mux.Handle("POST /r/{room}", s.wrap(s.post))
	mux.Handle("PATCH /r/{room}", s.act(chat.Title, readTitle))
	mux.Handle("PATCH /r/{room}/{id}", s.act(chat.Edit, readEdit))
	mux.Handle("DELETE /r/{room}/{id}", s.act(chat.Delete, nil))
	mux.Handle("PUT /r/{room}/{id}/reactions/{emoji}", s.act(chat.Reaction, readEmoji))
	mux.Handle("DELETE /r/{room}/{id}/reactions/{emoji}", s.act(chat.Reaction, readEmojiOff))
	mux.Handle("POST /r/{room}/typing", s.wrap(s.typing))
}

func (in postRequest) draft(room chat.RoomID) chat.Draft {
	return chat.Draft{Room: room, Kind: chat.Message, Text: cmp.Or(in.Text, in.Message), Reply: in.Reply, Key: in.Key}
}

func readLine(r *http.Request, kind string) (in postRequest, err error) {
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

// post says something in the room of the path.
func (s *Server) post(w http.ResponseWriter, r *http.Request) error {
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	return s.say(w, r, room, typeJSON, typeForm, typeMultipart, typeText)
}

// postPlain says something in the room of the body. A form is answered with
// nothing, so that a page without a script stays where it is.
func (s *Server) postPlain(w http.ResponseWriter, r *http.Request) error {
	return s.say(w, r, "", typeForm, typeMultipart, typeJSON)
}

func (s *Server) say(w http.ResponseWriter, r *http.Request, room chat.RoomID, types ...string) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	kind, err := mediaType(r, types...)
	if err != nil {
		return err
	}
	in, err := readLine(r, kind)
	if err != nil {
		return err
	}
	quiet := room == "" && kind != typeJSON
	if room == "" {
		if room, err = chat.ParseRoom(cmp.Or(in.Room, string(chat.Lobby))); err != nil {
			return fmt.Errorf("%w: %s", errMalformed, plain(err, chat.ErrInvalid))
		}
	}
	ev, replayed, err := s.write(r, u, in.draft(room))
	if err != nil {
		return err
	}
	code := http.StatusCreated
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
		code = http.StatusOK
	}
	w.Header().Set("Location", "/r/"+string(room)+"/"+ev.ID.String())
	if quiet {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return answer(w, code, ev)
}

// write reads a draft against the rules and writes it down.
func (s *Server) write(r *http.Request, u chat.User, d chat.Draft) (_ chat.Event, replayed bool, err error) {
	ev, err := chat.Compose(d, u)
	if err != nil {
		return chat.Event{}, false, err
	}
	if s.cfg.AllowPost != nil {
		if err := s.cfg.AllowPost(s.client(r).String()); err != nil {
			return chat.Event{}, false, err
		}
	}
	ctx, cancel := context.WithTimeout(whole(r).Context(), appendLimit)
	defer cancel()
	return s.cfg.Rooms.Append(ctx, ev)
}

// act is a handler that writes an event about the room or the message of the
// path. Read fills in what else the request says, if there is more.
func (s *Server) act(kind chat.Kind, read func(*http.Request, *chat.Draft) error) http.Handler {
	return s.wrap(func(w http.ResponseWriter, r *http.Request) error {
		u, err := s.user(r)
		if err != nil {
			return err
		}
		d := chat.Draft{Kind: kind, Key: r.Header.Get("Idempotency-Key")}
		if d.Room, err = pathRoom(r); err != nil {
			return err
		}
		if kind != chat.Title {
			if d.Target, err = pathID(r); err != nil {
				return err
			}
		}
		if read != nil {
			if err := read(r, &d); err != nil {
				return err
			}
		}
		ev, replayed, err := s.write(r, u, d)
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

func readTitle(r *http.Request, d *chat.Draft) error {
	var in titleRequest
	err := readPatch(r, &in)
	if err == nil && in.Title == nil {
		return fmt.Errorf("%w: say a title, or an empty one to have none", chat.ErrInvalid)
	}
	if err == nil {
		d.Text = *in.Title
	}
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

// typing tells the room that somebody is writing.
func (s *Server) typing(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	room, err := pathRoom(r)
	if err != nil {
		return err
	}
	if err := s.types(r.Context(), u, room); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// types lets the room know, unless it was told a moment ago.
func (s *Server) types(ctx context.Context, u chat.User, room chat.RoomID) error {
	turn := u.ID + " " + string(room)
	if !s.typed.Allow(turn) {
		return nil
	}
	err := s.cfg.Rooms.Signal(ctx, chat.Signal{Room: room, Kind: chat.Typing, By: &u})
	if err != nil {
		s.typed.Return(turn)
	}
	return err
}
