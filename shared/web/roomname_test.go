package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"confab/shared/chat"
)

// A room is called as its people write, and its address is percent-encoded
// wherever the server writes one.
func TestRoomIsNamedInAnyScript(t *testing.T) {
	h := open(t, nil)
	const room, path = "项目", "/r/%E9%A1%B9%E7%9B%AE"
	posted := h.do(t, ask{"POST", path, asJSON, `{"text":"你好"}`, ann})
	at := posted.Header.Get("Location")
	if posted.StatusCode != http.StatusCreated || !strings.HasPrefix(at, path+"/") {
		t.Fatalf("posted: %s, at %q", posted.Status, at)
	}
	h.say(t, bob, room, "second")
	if res := h.do(t, ask{"GET", at, "Accept: application/json", "", ann}); res.StatusCode != http.StatusOK {
		t.Errorf("the line at %s: %s", at, res.Status)
	}
	res := h.do(t, ask{"GET", path + "?limit=1", "Accept: application/json", "", ann})
	if link := res.Header.Get("Link"); !strings.HasPrefix(link, "<"+path+"?") {
		t.Errorf("the page before is at %q", link)
	}
	var page page
	if err := json.Unmarshal([]byte(read(t, res)), &page); err != nil || page.Room != room {
		t.Errorf("the page is of %q, %v", page.Room, err)
	}
	if body := read(t, h.do(t, ask{"GET", "/rooms?" + url.Values{"room": {room}}.Encode(), "", "", ann})); !strings.Contains(body, room) {
		t.Errorf("rooms: %s", body)
	}
	made := h.do(t, ask{"PUT", "/r/%E6%96%B0", asJSON, "", ann})
	if at := made.Header.Get("Location"); made.StatusCode != http.StatusCreated || at != "/r/%E6%96%B0" {
		t.Errorf("made: %s, at %q", made.Status, at)
	}
}

// Composed or not it is one room.
func TestRoomIsFoundHoweverItsLettersAreComposed(t *testing.T) {
	h := open(t, nil)
	h.say(t, ann, "caf%C3%A9", "hi")
	var page page
	if err := json.Unmarshal([]byte(read(t, h.do(t, ask{"GET", "/r/cafe%CC%81", "Accept: application/json", "", ann}))), &page); err != nil || page.texts() != "hi" || page.Room != chat.RoomID("caf\u00e9") {
		t.Errorf("%+v, %v", page, err)
	}
}
