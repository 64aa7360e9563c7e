package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"confab/shared/chat"
)

const (
	maxErase   = 24 * 3600 // seconds whose lines a ban may take out
	eraseBatch = 500       // events read at once for that
)

// bans answers with who is banned from a room, or mute in it, for its moderators.
func (s *Server) bans(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathRoom)
	if err != nil {
		return err
	}
	bans, err := v.bans(withoutClientCancel(r).Context(), room)
	if err != nil {
		return err
	}
	return s.deliver(w, r, typeJSON, jsonLine(banList{append([]chat.Banning{}, bans...)}))
}

// ban keeps somebody from writing in a room, or from reading it too, and takes
// out what they said of late. The ban comes first: nothing follows what is taken
// out.
func (s *Server) ban(w http.ResponseWriter, r *http.Request) error {
	v, err := s.writer(r, chat.Standings)
	if err != nil {
		return err
	}
	d := chat.Draft{Kind: chat.Standings, Key: r.Header.Get("Idempotency-Key")}
	if d.Room, err = pathRoom(r); err != nil {
		return err
	}
	if err := about(r, &d); err != nil {
		return err
	}
	in, err := readBan(r, &d)
	if err != nil {
		return err
	}
	if d.Member.User, err = v.find(r.Context(), d.Member.User.ID, d.Room); err != nil {
		return err
	}
	ev, _, err := s.write(r, v, d)
	if err != nil {
		return err
	}
	out := banAnswer{Event: ev.Event}
	if in.Erase > 0 {
		since := ev.Time().Add(-time.Duration(in.Erase) * time.Second)
		if out.Erased, err = v.erase(r, d.Room, d.Member.User.ID, since); err != nil {
			return err
		}
	}
	return answer(w, http.StatusOK, out)
}

// readBan reads what a ban is, but for whom it is about.
func readBan(r *http.Request, d *chat.Draft) (in banRequest, err error) {
	if err := readPatch(r, &in); err != nil {
		return in, err
	}
	switch {
	case in.Seconds < 0 || in.Seconds > chat.MaxBanFor:
		return in, fmt.Errorf("%w: seconds is a number from 1 to %d, or 0 for good", chat.ErrInvalid, chat.MaxBanFor)
	case in.Erase < 0 || in.Erase > maxErase:
		return in, fmt.Errorf("%w: erase is a number of seconds from 0 to %d", chat.ErrInvalid, maxErase)
	}
	d.Text, d.Member.Ban = in.Reason, chat.Banned
	if in.Mute {
		d.Member.Ban = chat.Mute
	}
	if in.Seconds > 0 {
		d.Member.Until = time.Now().Add(time.Duration(in.Seconds) * time.Second).UnixMilli()
	}
	return in, nil
}

func unbans(r *http.Request, d *chat.Draft) error {
	d.Member.Ban = chat.Unban
	return about(r, d)
}

// erase takes out what somebody said in a room since then, by events of the
// user, and returns how many lines it were.
func (v visitor) erase(r *http.Request, room chat.RoomID, author string, since time.Time) (erased int, err error) {
	for before := (chat.ID{}); ; {
		evs, err := v.before(r.Context(), room, before, eraseBatch)
		if err != nil {
			return erased, err
		}
		for i := len(evs) - 1; i >= 0; i-- {
			if evs[i].Time().Before(since) {
				return erased, nil
			}
			if evs[i].Kind != chat.Message || evs[i].By.ID != author {
				continue
			}
			if err := v.takeOut(r, evs[i]); err != nil {
				return erased, err
			}
			erased++
		}
		if len(evs) < eraseBatch {
			return erased, nil
		}
		before = evs[0].ID
	}
}

// takeOut deletes a line, unless somebody did so a moment ago.
func (v visitor) takeOut(r *http.Request, line chat.Event) error {
	ev, err := chat.Compose(chat.Draft{Room: line.Room, Kind: chat.Delete, Target: line.ID}, v.user)
	if err == nil {
		_, _, err = v.append(r.Context(), ev)
	}
	if errors.Is(err, chat.ErrNotFound) {
		return nil
	}
	return err
}
