package web

import (
	"net/http"

	"confab/shared/chat"
)

// report tells the owners and moderators of a room that somebody finds fault with
// a line in it. The answer is the same whether the user reported it before.
func (s *Server) report(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathRoom)
	if err == nil {
		err = v.signedIn()
	}
	if err != nil {
		return err
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if _, err := mediaType(r, typeJSON); err != nil {
		return err
	}
	var in reportRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	reason, err := chat.CleanReason(in.Reason)
	if err != nil {
		return err
	}
	if s.cfg.AllowReport != nil {
		if err := s.cfg.AllowReport(s.network(r)); err != nil {
			return err
		}
	}
	if err := v.report(r.Context(), room, id, reason); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, reportAnswer{})
}
