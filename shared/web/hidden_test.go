package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/identity"
)

// A private room, and an address of the same form where nothing is, have one
// answer for strangers: on every route of the description and others, by every
// method, in every form, and where a query or a body names the room.
func TestPrivateRoomCannotBeToldFromNone(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	there, none := chat.NewPrivateRoom(), chat.NewPrivateRoom()
	for _, ev := range []chat.Event{
		{Kind: chat.Title, Text: "Family", Set: chat.Change{Made: true, Access: chat.AccessPrivate}},
		{Kind: chat.Message, Text: "hush"},
	} {
		ev.Room, ev.By = there, ann
		if _, _, err := l.store.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.tries(t, "GET", "/r/"+string(there), "application/json", ann); !strings.HasPrefix(got, "200") || !strings.Contains(got, "hush") {
		t.Errorf("its member gets %s", got)
	}
	asked := 0
	for _, route := range hiddenRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		for _, accept := range []string{"application/json", "text/event-stream", "text/plain", "application/x-ndjson", "text/html"} {
			for _, as := range []chat.User{bob, {}} {
				got := l.tries(t, method, strings.ReplaceAll(path, "{room}", string(there)), accept, as)
				want := l.tries(t, method, strings.ReplaceAll(path, "{room}", string(none)), accept, as)
				unread := strings.HasPrefix(path, "/stream") && strings.HasPrefix(got, "406") // a form that no stream has
				if asked++; got != want || !unread && !strings.HasPrefix(got, "404") {
					t.Errorf("%s as %q by %q:\n%s\nwhere nothing is:\n%s", route, accept, as.Name, got, want)
				}
			}
		}
	}
	if asked < 200 {
		t.Errorf("%d requests were made", asked)
	}
	if rooms, err := l.store.Rooms(t.Context(), none); err != nil || !rooms[0].Last.IsZero() {
		t.Errorf("asking made a room: %v, %v", rooms, err)
	}
}

// hiddenRoutes are all ways to ask for a room.
func hiddenRoutes(t *testing.T) []string {
	t.Helper()
	d := readDescription(t)
	routes := []string{"GET /stream?room={room}", "GET /stream?room=lobby&room={room}", "GET /rooms?room={room}"}
	for path := range d.Paths {
		if !strings.HasPrefix(path, "/r/{room}") {
			continue
		}
		path = strings.NewReplacer("{id}", "1-0", "{emoji}", "x", "{user}", "u_x", "{invite}", "x", "{token}", "x").Replace(path)
		for _, method := range append(slices.Clone(methods), "options", "purge") {
			for _, query := range []string{"", "?offset=-1", "?q=a", "?after=0-0"} {
				routes = append(routes, strings.ToUpper(method)+" "+path+query)
			}
		}
	}
	return append(routes, "GET /r/{room}/nothing", "GET /r/{room}/people/")
}

// tries is what a stranger can see of an answer.
func (l *liveServer) tries(t *testing.T, method, address, accept string, as chat.User) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, l.URL+address, strings.NewReader(`{"text":"a","title":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if as.ID != "" {
		req.Header = l.head(t, as)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Date", "X-Request-Id"} { // of the request, not of the room
		res.Header.Del(name)
	}
	return fmt.Sprint(res.StatusCode, " ", res.Header, " ", string(body))
}

func (t *tape) Members(ctx context.Context, _ chat.RoomID) ([]chat.Belonging, error) {
	return nil, t.fails(ctx)
}

func (t *tape) Bans(ctx context.Context, _ chat.RoomID) ([]chat.Banning, error) {
	return nil, t.fails(ctx)
}

func (t *tape) Last(ctx context.Context, rooms ...chat.RoomID) ([]chat.ID, error) {
	return make([]chat.ID, len(rooms)), t.fails(ctx)
}

func (t *tape) FollowInboxes(context.Context, func(string, chat.Signal)) {}

func (t *tape) Mark(ctx context.Context, _ string, _ chat.RoomID, id chat.ID) (chat.ID, error) {
	return id, t.fails(ctx)
}

func (t *tape) Marks(ctx context.Context, _ string) (map[chat.RoomID]chat.ID, error) {
	return nil, t.fails(ctx)
}

func (t *tape) Invites(ctx context.Context, _ chat.RoomID) ([]chat.Invite, error) {
	return nil, t.fails(ctx)
}

func (t *tape) Audit(ctx context.Context, _ chat.Opt[chat.ID], _ int) ([]chat.Audited, error) {
	return nil, t.fails(ctx)
}

func (t *tape) Facts(ctx context.Context, _ string, rooms ...chat.RoomID) ([]access.Facts, error) {
	facts := make([]access.Facts, len(rooms))
	for i, room := range rooms {
		facts[i] = access.Facts{Complete: true, Room: access.Room{Hidden: room.Hidden()}}
	}
	return facts, t.fails(ctx)
}
