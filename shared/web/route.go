package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"confab/shared/access"
	"confab/shared/chat"
)

// methods are those that an address may take, beside OPTIONS, which is answered
// here.
var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// route gives a request to the mux, and answers what the mux would answer by
// itself: that there is nothing, or not by this method, or which methods there
// are.
func (s *Server) route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.mayEnter(r); err != nil {
			s.fail(w, r, err)
			return
		}
		pattern := patternOf(mux, r, r.Method)
		if pattern != "" && fits(pattern, r.URL.Path) {
			mux.ServeHTTP(w, r)
			return
		}
		switch allow := allowed(mux, r); {
		case allow == "" && pattern != "": // the handler says what is not there
			mux.ServeHTTP(w, r)
		case allow == "":
			s.fail(w, r, fmt.Errorf("%w: there is nothing at this address", chat.ErrNotFound))
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", allow)
			s.fail(w, r, fmt.Errorf("%w: this address takes %s", errMethod, allow))
		}
	})
}

// mayEnter refuses everybody but its members a room whose address the server
// made, whatever the method and whatever is below it: the answer is the same
// whether the room is there or not. A session that is not good the handler
// refuses.
func (s *Server) mayEnter(r *http.Request) error {
	below, ok := strings.CutPrefix(r.URL.Path, "/r/")
	name, _, _ := strings.Cut(below, "/")
	if room := chat.RoomID(name); !ok || !room.Hidden() {
		return nil
	}
	v, err := s.visitor(r)
	if err != nil {
		return nil
	}
	return v.check(access.Read, chat.RoomID(name))
}

// allowed are the methods that the address of a request takes, or "" if nothing
// is there.
func allowed(mux *http.ServeMux, r *http.Request) string {
	var there []string
	for _, method := range methods {
		if pattern := patternOf(mux, r, method); pattern != "" && fits(pattern, r.URL.Path) {
			there = append(there, method)
		}
	}
	if there == nil {
		return ""
	}
	there = append(there, http.MethodOptions)
	slices.Sort(there)
	return strings.Join(there, ", ")
}

// patternOf is the route that the mux has for a request by a method, or "".
func patternOf(mux *http.ServeMux, r *http.Request, method string) string {
	if method != r.Method {
		r = r.WithContext(r.Context())
		r.Method = method
	}
	_, pattern := mux.Handler(r)
	return pattern
}

// fits reports whether the segment of a path that the pattern takes for an
// event's id can be one. Else "/r/lobby/people" would be taken for an event that
// can be deleted.
func fits(pattern, path string) bool {
	before, _, ok := strings.Cut(pattern, "{id}")
	if !ok {
		return true
	}
	segments, i := strings.Split(path, "/"), strings.Count(before, "/")
	if i >= len(segments) {
		return true // the mux redirects it to the path that it means
	}
	id, err := chat.ParseID(segments[i])
	return err == nil && !id.IsZero()
}
