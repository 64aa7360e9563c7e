package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"confab/shared/account"
	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/nickname"
	"confab/shared/sse"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/web"
	"confab/shared/web/websocket"
)

// A live server has everything real but the network to Redis.
type liveServer struct {
	*httptest.Server
	users *identity.Signer
	store store.Store
	web   *web.Server
}

func live(tb testing.TB, change func(*web.Config)) *liveServer {
	tb.Helper()
	return liveWays(tb, web.Ways{}, change)
}

// liveWays has more ways to sign in than by a name.
func liveWays(tb testing.TB, ways web.Ways, change func(*web.Config)) *liveServer {
	tb.Helper()
	ways.Name, ways.QR, ways.Device = nickname.Parse, account.QR, account.Device
	st, err := bolt.Open(tb.Context(), store.Options{Dir: tb.TempDir(), History: 10000})
	if err != nil {
		tb.Fatal(err)
	}
	h := hub.New(st, nil)
	users, err := identity.New(time.Hour, key)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := web.Config{Rooms: st, Hub: h, Users: users, Guests: true, Upgrade: websocket.Upgrade}
	if change != nil {
		change(&cfg)
	}
	s, err := web.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	l := &liveServer{Server: httptest.NewServer(s.Handler(web.Login(ways), web.Invites(ways.QR), web.Post, web.Stream, web.Health)), users: users, store: st, web: s}
	tb.Cleanup(func() {
		s.Drain()
		h.Close(0)
		l.Server.Close()
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// stream reads signals of a kind in the lobby until ctx ends.
func (l *liveServer) stream(ctx context.Context, tb testing.TB, u chat.User, kind chat.Kind) <-chan chat.Signal {
	tb.Helper()
	return l.streamOf(ctx, tb, "lobby", u, kind)
}

func (l *liveServer) streamOf(ctx context.Context, tb testing.TB, room chat.RoomID, u chat.User, kind chat.Kind) <-chan chat.Signal {
	tb.Helper()
	req, _ := http.NewRequestWithContext(ctx, "GET", l.URL+"/stream?room="+string(room), nil)
	if u.ID != "" {
		token, err := l.users.Token(u)
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil || resp.StatusCode != 200 {
		tb.Fatal(resp, err)
	}
	signals := make(chan chat.Signal, 100)
	go func() {
		defer resp.Body.Close()
		for frames := sse.NewScanner(resp.Body); frames.Scan(); {
			var sig chat.Signal
			if json.Unmarshal([]byte(frames.Event().Data), &sig) == nil && sig.Kind == kind {
				signals <- sig
			}
		}
	}()
	return signals
}

func (l *liveServer) people(tb testing.TB) []string {
	tb.Helper()
	us, err := l.store.People(tb.Context(), "lobby")
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, u := range us {
		names = append(names, u.Name)
	}
	return names
}

func names(us []chat.User) string {
	var s []string
	for _, u := range us {
		s = append(s, u.Name)
	}
	return fmt.Sprint(s)
}

func TestStreamsAreToldWhoIsHere(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	seen := l.stream(t.Context(), t, identity.NewUser("Ann"), chat.Presence)
	if first := next(t, seen); names(first.Joined) != "[Ann]" || first.Count != 1 {
		t.Errorf("first told %+v", first)
	}
	if got := l.people(t); !slices.Equal(got, []string{"Ann"}) {
		t.Errorf("people are %v", got)
	}
}

func next[T any](tb testing.TB, told <-chan T) (v T) {
	tb.Helper()
	select {
	case v = <-told:
	case <-time.After(20 * time.Second):
		tb.Fatal("nothing was told in 20 s")
	}
	return v
}

func TestTypingIsToldAtMostOnceInThreeSeconds(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann := identity.NewUser("Ann")
	token, err := l.users.Token(ann)
	if err != nil {
		t.Fatal(err)
	}
	seen := l.stream(t.Context(), t, chat.User{}, chat.Typing)
	for range 5 {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", l.URL+"/r/lobby/typing", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	}
	if sig := next(t, seen); sig.By == nil || *sig.By != ann {
		t.Errorf("told %+v", sig)
	}
	if err := l.store.Signal(t.Context(), chat.Signal{Room: "lobby", Kind: chat.Typing, By: &chat.User{Name: "end"}}); err != nil {
		t.Fatal(err)
	}
	if sig := next(t, seen); sig.By.Name != "end" {
		t.Errorf("told again: %+v", sig)
	}
}
