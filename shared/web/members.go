package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"confab/shared/chat"
)

const (
	membersPage = 1000 // members of one answer
	lookBack    = 100  // events of a room in which a user's name is looked for
)

// members answers with who belongs to a room, and what the reader is in it.
func (s *Server) members(w http.ResponseWriter, r *http.Request) error {
	v, room, err := s.roomReader(r, pathRoom)
	if err != nil {
		return err
	}
	r = withoutClientCancel(r)
	f, err := v.standing(room)
	if err != nil {
		return err
	}
	all, err := v.members(r.Context(), room)
	if err != nil {
		return err
	}
	out := memberList{You: you{f.Role.String(), f.Ban.Ban, f.Ban.Until, f.Ban.Reason}}
	if out.Room, err = v.roomAnswer(r, room); err != nil {
		return err
	}
	if out.Members, out.More, err = membersOf(all, r.URL.Query()); err != nil {
		return err
	}
	name, err := v.names(r.Context(), room, out.Members)
	if err != nil {
		return err
	}
	for i := range out.Members {
		out.Members[i].User = name(out.Members[i].User)
	}
	return s.deliver(w, r, typeJSON, jsonLine(out))
}

// names returns what gives those members a name of whom no more than the id was
// known when they came, if they were seen in the room since.
func (v visitor) names(ctx context.Context, room chat.RoomID, members []chat.Belonging) (func(chat.User) chat.User, error) {
	nameless := func(u chat.User) bool { return u.Name == u.ID }
	seen := map[string]chat.User{v.user.ID: v.user}
	if slices.ContainsFunc(members, func(m chat.Belonging) bool { return nameless(m.User) }) {
		for _, look := range []func(context.Context, chat.RoomID) ([]chat.User, error){v.people, v.authors} {
			users, err := look(ctx, room)
			if err != nil {
				return nil, err
			}
			for _, u := range users {
				if _, known := seen[u.ID]; !known && !nameless(u) {
					seen[u.ID] = u
				}
			}
		}
	}
	return func(u chat.User) chat.User {
		if s, ok := seen[u.ID]; ok && nameless(u) {
			return s
		}
		return u
	}, nil
}

// membersOf are those that the query asks for, the owners first.
func membersOf(all []chat.Belonging, q url.Values) (page []chat.Belonging, more bool, err error) {
	n := membersPage
	if q.Has("n") {
		if n, err = strconv.Atoi(q.Get("n")); err != nil || n < 1 || n > membersPage {
			return nil, false, fmt.Errorf("%w: n is a number from 1 to %d", errMalformed, membersPage)
		}
	}
	rank := func(m chat.Belonging) chat.Role { role, _ := chat.ParseRole(m.Role); return role }
	slices.SortFunc(all, func(a, b chat.Belonging) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.User.ID, b.User.ID))
	})
	start := 0
	if q.Has("after") {
		i := slices.IndexFunc(all, func(m chat.Belonging) bool { return m.User.ID == q.Get("after") })
		if i < 0 {
			return nil, false, fmt.Errorf("%w: after is the id of a member: they may have left, begin again without it", errMalformed)
		}
		start = i + 1
	}
	end := min(start+n, len(all))
	return append([]chat.Belonging{}, all[start:end]...), end < len(all), nil
}

func readRole(r *http.Request, d *chat.Draft) error {
	var in roleRequest
	if err := readPatch(r, &in); err != nil {
		return err
	}
	d.Member.Role = in.Role
	return about(r, d)
}

// leaves takes somebody's role: their own, too.
func leaves(r *http.Request, d *chat.Draft) error {
	d.Member.Role = chat.Guest.String()
	return about(r, d)
}

// about reads from the path whom an event is about.
func about(r *http.Request, d *chat.Draft) (err error) {
	d.Member.User.ID, err = parseUser(r.PathValue("user"))
	return err
}

// A user's id as this server, or whoever signs its users in, may make it.
var userPattern = regexp.MustCompile(`^[\w.:@-]{1,128}$`)

func parseUser(id string) (string, error) {
	if !userPattern.MatchString(id) {
		return "", fmt.Errorf("%w: there is no user of this id", chat.ErrNotFound)
	}
	return id, nil
}

// find is the user of an id by the name that they were seen under in a room,
// which the user may read: the one they are there by now, else that of a line of
// late, else the one they belong to it by. Of somebody who was never there, the id
// is all that is known.
func (v visitor) find(ctx context.Context, id string, room chat.RoomID) (chat.User, error) {
	if id == v.user.ID {
		return v.user, nil
	}
	for _, seen := range []func(context.Context, chat.RoomID) ([]chat.User, error){v.people, v.authors, v.belonging} {
		users, err := seen(ctx, room)
		if err != nil {
			return chat.User{}, err
		}
		if i := slices.IndexFunc(users, func(u chat.User) bool { return u.ID == id && u.Name != id }); i >= 0 {
			return users[i], nil
		}
	}
	return chat.User{ID: id, Name: id}, nil
}

// belonging are the members of a room.
func (v visitor) belonging(ctx context.Context, room chat.RoomID) (users []chat.User, err error) {
	members, err := v.members(ctx, room)
	for _, m := range members {
		users = append(users, m.User)
	}
	return users, err
}

// authors are those who wrote in a room of late, or were written about, the
// latest first.
func (v visitor) authors(ctx context.Context, room chat.RoomID) (users []chat.User, err error) {
	evs, err := v.before(ctx, room, chat.ID{}, lookBack)
	for _, ev := range slices.Backward(evs) {
		users = append(users, ev.By)
		if ev.Kind == chat.Standings {
			users = append(users, ev.Member.User)
		}
	}
	return users, err
}
