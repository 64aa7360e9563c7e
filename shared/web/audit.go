package web

import (
	"fmt"
	"net/http"
	"strconv"

	"confab/shared/access"
	"confab/shared/chat"
)

// audit answers an operator with what was done to rooms and people, the oldest
// first: the last, or what comes after a cursor.
func (s *Server) audit(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visitor(r)
	if err == nil {
		err = v.check(access.Audit)
	}
	if err != nil {
		return err
	}
	n, after, q := defaultPage, chat.Opt[chat.ID]{}, r.URL.Query()
	if q.Has("n") {
		if n, err = strconv.Atoi(q.Get("n")); err != nil || n < 1 || n > maxPage {
			return fmt.Errorf("%w: n is a number from 1 to %d", errMalformed, maxPage)
		}
	}
	if q.Has("after") {
		after.Given = true
		if after.Value, err = chat.ParseID(q.Get("after")); err != nil {
			return fmt.Errorf("%w: after is the cursor of an answer", errMalformed)
		}
	}
	all, err := v.audit(withoutClientCancel(r).Context(), after, n)
	if err != nil {
		return err
	}
	out := auditAnswer{Events: make([]chat.Event, len(all)), Cursor: after.Value}
	for i, a := range all {
		out.Events[i], out.Cursor = a.Event, a.At
	}
	return s.deliver(w, r, typeJSON, jsonLine(out))
}
