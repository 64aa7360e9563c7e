package functions_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"confab/functions/internal/lambdatest"
)

// asks sends JSON and fails unless the answer has this status.
func (b *browser) asks(want int, route, body string, answer any) {
	b.tb.Helper()
	method, path, _ := strings.Cut(route, " ")
	res, text := b.do(method, path, jason, body, "Accept", jason)
	if res.StatusCode != want {
		b.tb.Fatalf("%s %s: %d %s, want %d", route, body, res.StatusCode, text, want)
	}
	if answer != nil {
		if err := json.Unmarshal([]byte(text), answer); err != nil {
			b.tb.Fatalf("%s: %v in %s", route, err, text)
		}
	}
}

// A room belongs to somebody through the functions as it does on the server: one
// comes in by a link, others find nothing, and a ban ends what is read.
func TestRoomBelongsToSomebodyThroughEveryFrontDoor(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "STREAM_SECONDS=30")
			olga, bob := newBrowser(t, c, "https://chat").come("olga"), newBrowser(t, c, "https://chat").come("bob")
			var made struct{ Room string }
			olga.asks(http.StatusCreated, "POST /rooms", `{"title":"Family","access":"private"}`, &made)
			room := "/r/" + made.Room
			var invite struct{ URL, QR string }
			olga.asks(http.StatusCreated, "POST "+room+"/invites", `{}`, &invite)
			_, token, ok := strings.Cut(invite.URL, "/join/") // after the address of the front door
			if !ok || !strings.HasPrefix(invite.QR, "<svg") {
				t.Fatalf("the invite is at %s, with a code of %d bytes", invite.URL, len(invite.QR))
			}
			join := "/join/" + token
			bob.asks(http.StatusNotFound, "GET "+room, "", nil)
			bob.asks(http.StatusNotFound, "GET "+room+"/members", "", nil)
			if res, page := bob.do("GET", join, "", "", "Accept", "text/html"); res.StatusCode != http.StatusOK || !strings.Contains(page, "<html") {
				t.Errorf("a browser that opens the link gets %d %.99s", res.StatusCode, page)
			}
			bob.asks(http.StatusOK, "GET "+join, "", nil)
			bob.asks(http.StatusOK, "POST "+join, "", nil)
			bob.say(made.Room, "hi")
			var session struct{ User struct{ ID string } }
			bob.asks(http.StatusOK, "GET /login", "", &session)
			var blocks <-chan block
			if front.streams != lambdatest.HTTP {
				blocks = bob.listen(t.Context(), room, "")
				<-blocks
			}
			var banned struct{ Erased int }
			olga.asks(http.StatusOK, "PUT "+room+"/bans/"+session.User.ID, `{"erase":3600}`, &banned)
			if banned.Erased != 1 {
				t.Errorf("%d lines were taken out", banned.Erased)
			}
			for late := time.After(2 * time.Second); blocks != nil; {
				select {
				case _, ok := <-blocks:
					if !ok {
						blocks = nil
					}
				case <-late:
					t.Fatal("the stream of somebody banned goes on")
				}
			}
			bob.asks(http.StatusNotFound, "POST "+room, `{"text":"again"}`, nil)
			bob.asks(http.StatusGone, "POST "+join, "", nil)
			olga.asks(http.StatusOK, "DELETE "+room, "", nil)
			olga.asks(http.StatusNotFound, "GET "+room, "", nil)
			var direct, same struct{ Room string }
			olga.asks(http.StatusCreated, "POST /direct", `{"users":["`+session.User.ID+`"]}`, &direct)
			olga.asks(http.StatusOK, "GET /login", "", &session)
			bob.asks(http.StatusOK, "POST /direct", `{"users":["`+session.User.ID+`"]}`, &same)
			if direct != same {
				t.Errorf("the same people get %v and %v", direct, same)
			}
		})
	}
}
