package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/nickname"
	"confab/shared/store"
	"confab/shared/store/redis"
	"confab/shared/web"
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
	st, err := redis.OpenLocal(tb.Context(), store.Options{Dir: tb.TempDir(), History: 10000})
	if err != nil {
		tb.Fatal(err)
	}
	h := hub.New(st, nil)
	users, err := identity.New(time.Hour, key)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := web.Config{Rooms: st, Hub: h, Users: users, Guests: true}
	if change != nil {
		change(&cfg)
	}
	s, err := web.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	l := &liveServer{Server: httptest.NewServer(s.Handler(web.Login(nickname.Parse), web.Post, web.Stream, web.Health)), users: users, store: st, web: s}
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
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var sig chat.Signal
			if ok && json.Unmarshal([]byte(data), &sig) == nil && sig.Kind == kind {
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

func TestComingAndGoingIsToldOnceAndAReloadIsNeither(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, bob := identity.NewUser("Ann"), identity.NewUser("Bob")
	seen := l.stream(t.Context(), t, ann, chat.Presence)
	if first := next(t, seen); names(first.Joined) != "[Ann]" || first.Count != 1 {
		t.Errorf("first told %+v", first)
	}
	ctx, reload := context.WithCancel(t.Context())
	l.stream(ctx, t, bob, chat.Presence)
	reload()
	ctx, leave := context.WithCancel(t.Context())
	l.stream(ctx, t, bob, chat.Presence)
	l.stream(ctx, t, bob, chat.Presence) // a second tab
	if came := next(t, seen); names(came.Joined) != "[Bob]" || len(came.Left) != 0 || came.Count != 2 {
		t.Errorf("then told %+v", came)
	}
	if got := l.people(t); !slices.Equal(got, []string{"Ann", "Bob"}) {
		t.Errorf("people are %v", got)
	}
	leave()
	if left := next(t, seen); names(left.Left) != "[Bob]" || len(left.Joined) != 0 || left.Count != 1 {
		t.Errorf("at last told %+v", left)
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

func TestNameStaysWithWhoLeavesOneOfTwoRooms(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ann, other := identity.NewUser("Ann"), identity.NewUser("ann")
	taken := func() bool {
		t.Helper()
		around, err := l.store.Around(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		return around
	}
	ctx, leave := context.WithCancel(t.Context())
	next(t, l.streamOf(ctx, t, "ops", ann, chat.Presence))
	ctx, stay := context.WithCancel(t.Context())
	seen := l.stream(ctx, t, ann, chat.Presence)
	watch := l.streamOf(t.Context(), t, "ops", chat.User{}, chat.Presence)
	next(t, seen)
	leave()
	if left := next(t, watch); names(left.Left) != "[Ann]" {
		t.Fatalf("the room is told %+v", left)
	}
	if !taken() {
		t.Error("the name was given away by leaving one of two rooms")
	}
	stay()
	for begin := time.Now(); taken(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("the name was not given away by leaving the last room")
		}
	}
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
