package functions_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"confab/shared/testenv"
)

// A function's stream of somebody who is banned ends, and its next one is refused:
// where it is passed on as it is said, and where it is answered at once.
func TestFunctionsStreamEndsWithABan(t *testing.T) {
	for _, front := range fronts {
		t.Run(string(front.streams), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, front.door, front.streams, startRedis(t).url(), "POSTS_PER_SECOND=0", "STREAM_SECONDS=30")
			ann, bob := newBrowser(t, c, "https://chat").come("ann"), newBrowser(t, c, "https://chat").come("bob")
			var me struct{ User struct{ ID string } }
			if _, body := bob.do("GET", "/login", "", ""); json.Unmarshal([]byte(body), &me) != nil {
				t.Fatal(body)
			}
			if res, body := ann.do("POST", "/rooms", jason, `{"room":"ops","title":"Ops"}`); res.StatusCode != 201 {
				t.Fatalf("%s %s", res.Status, body)
			}
			first, last := ann.say("ops", "first"), ann.say("ops", "before")
			ended := make(chan string, 1)
			if front.streams == front.door { // held until there is something to answer
				go func() {
					_, body := bob.do("GET", "/stream?room=ops", "", "", "Accept", "text/event-stream", "Last-Event-ID", last)
					ended <- body
				}()
				testenv.Await(t, "he is in the room", 10*time.Second, func() bool {
					_, body := ann.do("GET", "/r/ops/people", "", "")
					return strings.Contains(body, me.User.ID)
				})
			} else {
				blocks := bob.listen(t.Context(), "/stream?room=ops", first)
				if ev, _ := hear(t, blocks); ev.Text != "before" {
					t.Fatalf("the stream begins with %+v", ev)
				}
				go func() {
					var body strings.Builder
					for b := range blocks {
						body.WriteString(b.Data + "\n")
					}
					ended <- body.String()
				}()
			}
			if res, body := ann.do("PUT", "/r/ops/bans/"+me.User.ID, jason, `{"reason":"abuse"}`); res.StatusCode != 200 {
				t.Fatalf("%s %s", res.Status, body)
			}
			begun := time.Now()
			ann.say("ops", "after")
			select {
			case body := <-ended:
				if strings.Contains(body, "after") || front.streams != front.door && !strings.Contains(body, `"banned"`) {
					t.Errorf("the stream gave %s", body)
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("it ended after %v", took)
				}
			case <-time.After(10 * time.Second):
				t.Error("the stream did not end")
			}
			res, body := bob.do("GET", "/stream?room=ops", "", "", "Accept", "text/event-stream", "Last-Event-ID", last)
			if res.StatusCode != 403 || strings.Contains(body, "after") {
				t.Errorf("with the old cursor: %s %s", res.Status, body)
			}
		})
	}
}
