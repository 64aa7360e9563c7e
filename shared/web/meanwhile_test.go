package web_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/web"
)

// storeRooms is a name that none of its methods has.
type storeRooms = web.Rooms

// A busyStore has something happen once in the middle of a request: when the facts
// were read, or before the room is.
type busyStore struct {
	storeRooms
	afterFacts, beforePage func()
}

func (s *busyStore) Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error) {
	facts, err := s.storeRooms.Facts(ctx, user, rooms...)
	s.afterFacts()
	return facts, err
}

func (s *busyStore) Before(ctx context.Context, room chat.RoomID, id chat.ID, n int) ([]chat.Event, error) {
	s.beforePage()
	return s.storeRooms.Before(ctx, room, id, n)
}

func (s *busyStore) Since(ctx context.Context, room chat.RoomID, id chat.ID, n int) ([]chat.Event, error) {
	s.beforePage()
	return s.storeRooms.Since(ctx, room, id, n)
}

// Somebody is banned while a request of theirs is answered: after it was asked
// whether they may read, and before they do.
func TestBanInTheMiddleOfARequestCounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path, accept string
		middle       func(*busyStore, func())
	}{
		"page":      {"/r/ops", "application/json", beforePage},
		"newer":     {"/r/ops?after=0-0", "application/json", beforePage},
		"text":      {"/r/ops", "text/plain", beforePage},
		"search":    {"/r/ops?q=hush", "application/json", beforePage},
		"long poll": {"/stream?room=ops&last_event_id=0-0", "application/json", afterFacts},
		"SSE":       {"/stream?room=ops&last_event_id=0-0", "text/event-stream", afterFacts},
		"NDJSON":    {"/stream?room=ops&last_event_id=0-0", "application/x-ndjson", afterFacts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			busy := &busyStore{afterFacts: func() {}, beforePage: func() {}}
			l := live(t, func(c *web.Config) { busy.storeRooms, c.Rooms = c.Rooms, busy })
			ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
			l.make(t, ann, `{"title":"Ops"}`)
			var once sync.Once
			tt.middle(busy, func() {
				once.Do(func() {
					for _, ev := range []chat.Event{
						{Kind: chat.Standings, Member: chat.Standing{User: bob, Ban: chat.Banned}},
						{Kind: chat.Message, Text: "hush"},
					} {
						ev.Room, ev.By = "ops", ann
						if _, _, err := l.store.Append(context.WithoutCancel(t.Context()), ev); err != nil {
							t.Error(err)
						}
					}
				})
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			code, body := l.get(ctx, t, tt.path, tt.accept, bob)
			told := code == 403 || code == 200 && strings.Contains(body, `"why":"banned"`) // it was open by then
			if !told || strings.Contains(body, "hush") {
				t.Errorf("%d %s", code, body)
			}
		})
	}
}

// A crowd that comes back to a room with rules asks the store once each.
func TestStreamReadsFactsOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	busy := &busyStore{afterFacts: func() { reads.Add(1) }, beforePage: func() {}}
	l := live(t, func(c *web.Config) { busy.storeRooms, c.Rooms = c.Rooms, busy })
	l.make(t, identity.NewUser("Ann"), `{"title":"Ops"}`)
	for room, want := range map[string]int64{"ops": 1, "lobby": 0} {
		l.get(t.Context(), t, "/stream?room="+room+"&wait=0", "application/json", identity.NewUser("Bob")) // the hub knows the room then
		reads.Store(0)
		if code, body := l.get(t.Context(), t, "/stream?room="+room+"&wait=0", "application/json", identity.NewUser("Bob")); code != 200 {
			t.Errorf("%s: %d %s", room, code, body)
		}
		if got := reads.Load(); got != want {
			t.Errorf("%s: facts were read %d times, want %d", room, got, want)
		}
	}
}

func beforePage(s *busyStore, do func()) { s.beforePage = do }

func afterFacts(s *busyStore, do func()) { s.afterFacts = do }

// get reads an answer until it ends, or ctx does.
func (l *liveServer) get(ctx context.Context, t *testing.T, path, accept string, as chat.User) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", l.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = l.head(t, as)
	req.Header.Set("Accept", accept)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}
