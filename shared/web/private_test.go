package web_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
)

const privateTable = "../../.github/docs/private-rooms.md"

const privateHead = `# A private room, by every route

What a private room answers, by the kind of user who asks. ` + "`make openapi`" + ` writes this page: the test
` + "`TestPrivateRoomByEveryRoute`" + ` asks a server for every route of public/openapi.json that names a room, and for every transport.
A 404 is the same, to the byte, as that of an address of the same form where nothing is, for every method.

Nobody: without a session. Stranger: signed in, by cookie. Bot: signed in, by a token. Left: was a member once. Banned: was a member, and is banned.
Muted: a member who is muted. Member: one who is neither.

| | nobody | stranger | bot | left | banned | muted | member |
| --- | --- | --- | --- | --- | --- | --- | --- |
`

// A way is one way to ask for a room.
type way struct {
	method, path, accept string
	socket               bool
	label                string
}

// privateWays are all of them, by the description.
func privateWays(t *testing.T) (ways []way) {
	t.Helper()
	const sse, lines, json = "text/event-stream", "application/x-ndjson", "application/json"
	for _, read := range []way{
		{path: "?q=a", accept: json}, {accept: "text/plain", label: " as text"}, {accept: json, label: " as JSON"}, {path: "?after=0-0", accept: json}, {accept: lines, label: " as lines"},
		{path: "?follow=1", accept: lines, label: " as lines, live"}, {accept: sse, label: " as SSE"}, {path: "?last_event_id=1-0", accept: sse, label: " as SSE, from an old cursor"},
		{path: "?offset=-1", accept: json}, {path: "?offset=-1&live=long-poll", accept: json}, {path: "?offset=now&live=sse", accept: sse}, {socket: true, label: " as WebSocket"},
	} {
		read.method, read.path = "GET", "/r/{room}"+read.path
		ways = append(ways, read)
	}
	for _, path := range []string{"/stream?room={room}", "/stream?room=lobby&room={room}"} {
		ways = append(ways, way{"GET", path, sse, false, " as SSE"}, way{"GET", path, lines, false, " as lines"}, way{"GET", path, "", true, " as WebSocket"}, way{"GET", path + "&wait=0&after=0-0", json, false, " as a long poll"})
	}
	for _, path := range []string{"/stream?format=text&room={room}", "/subscribe?room={room}", "/event_stream?room={room}", "/poll?room={room}", "/rooms?room={room}"} {
		ways = append(ways, way{method: "GET", path: path})
	}
	ways = append(ways, way{"GET", "/ws/send?room={room}", "", true, " as WebSocket"})
	for path, ops := range readDescription(t).Paths {
		for method := range ops {
			if strings.HasPrefix(path, "/r/{room}") && slices.Contains(methods, method) && path+method != "/r/{room}get" {
				ways = append(ways, way{method: strings.ToUpper(method), path: path, accept: json})
			}
		}
	}
	slices.SortStableFunc(ways, func(a, b way) int {
		one, other, _ := strings.Cut(a.path, "?")
		two, another, _ := strings.Cut(b.path, "?")
		return strings.Compare(one+" "+other+a.method, two+" "+another+b.method)
	})
	return ways
}

// asked is the status of an answer, and what it says if it is a refusal.
func (l *liveServer) asked(t *testing.T, how way, room chat.RoomID, line chat.ID, head http.Header) (code int, refusal string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	body := fmt.Sprintf(`{"text":"a","title":"a","role":"member","id":"%s","reason":"a","let":true}`, line)
	if how.method+" "+how.path == "PUT /r/{room}" {
		body = ""
	}
	path := strings.NewReplacer("{room}", string(room), "{id}", line.String(), "{emoji}", "👍", "{user}", "u_x", "{invite}", "x").Replace(how.path)
	req, err := http.NewRequestWithContext(ctx, how.method, l.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = head.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", how.accept)
	if how.socket {
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			req.Header.Set(name, value)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode < 400 {
		return res.StatusCode, ""
	}
	whole, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Date", "X-Request-Id"} { // of the request, not of the room
		res.Header.Del(name)
	}
	return res.StatusCode, fmt.Sprint(res.Header, string(whole))
}

func TestPrivateRoomByEveryRoute(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	owner := identity.NewUser("Olga")
	room, none := l.make(t, owner, `{"title":"Family","access":"private"}`).ID, chat.NewPrivateRoom()
	line := decode[chat.Event](t, l.expect(t, 201, owner, "POST /r/"+string(room), `{"text":"hush"}`)).ID
	var heads []http.Header
	for _, who := range []string{"nobody", "stranger", "bot", "left", "banned", "muted", "member"} {
		u := identity.NewUser(who)
		path := "/r/" + string(room)
		if slices.Contains([]string{"left", "banned", "muted", "member"}, who) {
			l.expect(t, 200, owner, "PUT "+path+"/members/"+u.ID, `{"role":"member"}`)
		}
		switch who {
		case "left":
			l.expect(t, 200, u, "DELETE "+path+"/members/"+u.ID, "")
		case "banned":
			l.expect(t, 200, owner, "PUT "+path+"/bans/"+u.ID, `{}`)
		case "muted":
			l.expect(t, 200, owner, "PUT "+path+"/bans/"+u.ID, `{"mute":true}`)
		}
		head := l.head(t, u)
		switch who {
		case "nobody":
			head = http.Header{}
		case "stranger":
			head = http.Header{"Cookie": {"session=" + strings.TrimPrefix(head.Get("Authorization"), "Bearer ")}}
		}
		heads = append(heads, head)
	}
	page := privateHead
	for _, how := range privateWays(t) {
		page += "| `" + how.method + " " + how.path + "`" + how.label
		for i, head := range heads {
			code, refusal := l.asked(t, how, room, line, head)
			if i < 5 { // they do not belong to it
				there, said := l.asked(t, how, none, line, head)
				if code != there || refusal != said || code < 400 {
					t.Errorf("%s %s by %d: %d %s\nwhere nothing is: %d %s", how.method, how.path, i, code, refusal, there, said)
				}
			}
			page += fmt.Sprint(" | ", code)
		}
		page += " |\n"
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(privateTable, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := os.ReadFile(privateTable); err != nil || string(held) != page {
		t.Errorf("%s is not what the server answers (%v): run make openapi", privateTable, err)
	}
}

// How long an answer takes does not tell either, as far as a test can see it:
// the store is asked the same of an address where nothing is.
func TestPrivateRoomCannotBeToldByTime(t *testing.T) {
	l := live(t, nil)
	owner, eve := identity.NewUser("Olga"), identity.NewUser("Eve")
	there, none := l.make(t, owner, `{"title":"Family","access":"private"}`).ID, chat.NewPrivateRoom()
	took := map[chat.RoomID][]time.Duration{}
	for range 300 {
		for _, room := range []chat.RoomID{there, none} {
			begun := time.Now()
			l.ask(t, eve, "GET /r/"+string(room), "")
			took[room] = append(took[room], time.Since(begun))
		}
	}
	median := func(room chat.RoomID) time.Duration { slices.Sort(took[room]); return took[room][150] }
	if a, b := median(there), median(none); a > 2*b || b > 2*a {
		t.Errorf("a private room is refused in %v, none in %v", a, b)
	}
}
