package hub_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
	"confab/shared/testenv"
)

const private = chat.RoomID("p_abcdefghijklmnopqrst")

func member(room chat.RoomID, of chat.Standing) chat.Event {
	return chat.Event{Room: room, Kind: chat.Standings, Member: of}
}

func ban(room chat.RoomID, user string) chat.Event {
	return member(room, chat.Standing{User: chat.User{ID: user}, Ban: chat.Banned})
}

func closing(room chat.RoomID) chat.Event {
	return chat.Event{Room: room, Kind: chat.Title, Set: chat.Change{Access: chat.AccessClosed}}
}

// toEnd reads until the stream ends.
func (c *client) toEnd() *client {
	for c.next() {
	}
	c.body.Close()
	return c
}

func TestWhoLosesTheRightToReadIsEndedBeforeTheNextLine(t *testing.T) {
	leaves := member(private, chat.Standing{User: chat.User{ID: "u_eve"}, Role: "guest"})
	for name, tt := range map[string]struct {
		event chat.Event
		why   chat.Why
		all   bool
	}{
		"ban":     {ban(private, "u_eve"), chat.WhyBanned, false},
		"removal": {leaves, chat.WhyRemoved, false},
		"closing": {closing(private), chat.WhyClosed, true},
	} {
		each(t, func(t *testing.T, k kind) {
			log := newFakeLog()
			base := serve(t, newHub(t, log), k)
			open := func(user string, rooms ...chat.RoomID) *client {
				c := newClient(t, base, rooms...)
				c.user = user
				c.connect(soon(t))
				c.next()
				return c
			}
			eve, tab, ann, guest := open("u_eve", private), open("u_eve", "lobby", private), open("u_ann", private), open("", "lobby", private)
			other := open("u_eve", "lobby")
			log.post(private, "before")
			log.happen(tt.event)
			log.post(private, "after")
			for who, c := range map[string]*client{"stream": eve, "stream of two rooms": tab} {
				c.toEnd()
				if slices.Contains(c.seen[private], "after") || c.bye.Room != private || c.bye.Why != tt.why {
					t.Errorf("%s: %s saw %v and was ended with %+v", name, who, c.seen[private], c.bye)
				}
			}
			for who, c := range map[string]*client{"Ann": ann, "a guest": guest} {
				if tt.all {
					if c.toEnd(); slices.Contains(c.seen[private], "after") || c.bye.Why != tt.why {
						t.Errorf("%s: %s saw %v and was ended with %+v", name, who, c.seen[private], c.bye)
					}
					continue
				}
				for len(c.seen[private]) < 2 && c.next() {
				}
				if !slices.Equal(c.seen[private], []string{"before", "after"}) {
					t.Errorf("%s: %s saw %v", name, who, c.seen[private])
				}
			}
			log.post("lobby", "still here")
			for len(other.seen["lobby"]) < 1 && other.next() {
			}
			if len(other.seen["lobby"]) != 1 {
				t.Errorf("%s: a stream of another room ended with %+v", name, other.bye)
			}
		})
	}
}

func TestWhoKeepsTheRightToReadStays(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		log := newFakeLog()
		base := serve(t, newHub(t, log), k)
		eve := newClient(t, base, "lobby")
		eve.user = "u_eve"
		eve.connect(soon(t))
		user := chat.User{ID: "u_eve"}
		for _, ev := range []chat.Event{
			ban("lobby", "u_bob"),
			member("lobby", chat.Standing{User: user, Ban: chat.Mute}),
			member("lobby", chat.Standing{User: user, Ban: chat.Unban}),
			member("lobby", chat.Standing{User: user, Role: "moderator"}),
			member("lobby", chat.Standing{User: user, Role: "guest"}), // everybody reads an open room
			{Room: "lobby", Kind: chat.Title, Set: chat.Change{Locked: chat.Some(true), Access: chat.AccessUnlisted}},
		} {
			log.happen(ev)
		}
		log.post("lobby", "said")
		for len(eve.seen["lobby"]) < 1 && eve.next() {
		}
		if len(eve.seen["lobby"]) != 1 {
			t.Errorf("ended with %+v", eve.bye)
		}
		eve.body.Close()
	})
}

// Readers open streams all the time, each with the look at its rights that the
// caller of Read owes, while lines are posted and their user is banned.
func TestNoLineAfterABanGetsOutHoweverStreamsOpen(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for range 10 {
			log := newFakeLog()
			var banned atomic.Bool
			ctx := soon(t)
			base := serveWho(t, newHub(t, log), k, func(string) bool { return !banned.Load() })
			var wg sync.WaitGroup
			for i := range 8 {
				rooms := []chat.RoomID{"a", "b"}[:1+i%2]
				wg.Go(func() {
					c := newClient(t, base, rooms...)
					c.user, c.cursor = "u_eve", "0-0"+strings.Repeat(",0-0", i%2)
					for c.dial(ctx) == http.StatusOK {
						for n := 0; n < 1+i*7 && c.next(); n++ {
						}
						c.body.Close()
					}
					c.body.Close()
					if at := slices.Index(c.seen["a"], "after"); at >= 0 {
						t.Errorf("reader %d of %v saw a line from after the ban", i, rooms)
					}
				})
			}
			for range 300 {
				log.post("a", "before")
			}
			banned.Store(true)
			log.happen(ban("a", "u_eve"))
			for range 300 {
				log.post("a", "after")
			}
			wg.Wait()
		}
	})
}

func TestStreamThatIsFullIsEndedToo(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	eve := newClient(t, serve(t, h, adopted), "a")
	eve.user = "u_eve"
	eve.connect(soon(t))
	eve.next()
	text := strings.Repeat("x", 4000)
	testenv.Await(t, "the stream is adopted", 5*time.Second, func() bool { return h.Stats().Adopted == 1 })
	for i := range 200 { // within the ring, and more than its socket takes
		sweeps := h.Stats().Sweeps
		log.post("a", fmt.Sprint(i, text))
		testenv.Await(t, "the line is sent, or waits", 5*time.Second, func() bool { return h.Stats().Sweeps > sweeps })
	}
	begun := time.Now()
	log.happen(ban("a", "u_eve"))
	testenv.Await(t, "the stream is ended", 5*time.Second, func() bool { return h.Stats().Adopted == 0 })
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it was ended after %v", took)
	}
	eve.body.Close()
	if n := h.Stats().Ends[hub.Revoked]; n != 1 {
		t.Errorf("%d were revoked: %v", n, h.Stats().Ends)
	}
}

// A room whose log broke off may have missed a ban. Its readers come back, and
// are asked for their rights; nobody does where a room has no rules.
func TestResetEndsTheReadersOfARoomWithRules(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for _, bans := range []int{0, 1} {
			log := newFakeLog()
			log.bans = bans
			h := newHub(t, log)
			c := newClient(t, serve(t, h, k), "a")
			c.connect(soon(t))
			c.next()
			if h.Unruled("a", chat.ID{}) != (bans == 0) {
				t.Errorf("with %d bans, unruled is %t", bans, bans > 0)
			}
			log.flush("a", "new")()
			for c.bye.Kind == "" && len(c.seen["a"]) == 0 && c.next() {
			}
			if ended := c.bye.Kind == chat.Bye; ended != (bans > 0) || c.bye.Why != "" {
				t.Errorf("with %d bans: saw %v, ended with %+v", bans, c.seen["a"], c.bye)
			}
			c.body.Close()
		}
	})
}

func TestRoomIsUnruledUntilItsFirstRule(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	last := log.post("a", "one").ID
	if h.Unruled("a", chat.ID{}) {
		t.Error("nothing is known of a room that nobody reads")
	}
	r, err := h.Read(t.Context(), "", []chat.RoomID{"a", private}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, tt := range []struct {
		room chat.RoomID
		upTo chat.ID
		want bool
	}{{"a", chat.ID{}, true}, {"a", last, true}, {"a", last.Next(), false}, {private, chat.ID{}, false}} {
		if got := h.Unruled(tt.room, tt.upTo); got != tt.want {
			t.Errorf("%s up to %s: %t, want %t", tt.room, tt.upTo, got, tt.want)
		}
	}
	log.happen(chat.Event{Room: "a", Kind: chat.Title, Text: "a title is no rule"})
	if !h.Unruled("a", chat.ID{}) {
		t.Error("a title made a rule")
	}
	log.happen(member("a", chat.Standing{User: chat.User{ID: "u_bob"}, Role: "member"}))
	if h.Unruled("a", chat.ID{}) {
		t.Error("a member made none")
	}
}

// A reader that looks so late that what it lost is forgotten has to come back.
func TestReaderThatLooksLateComesBack(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	open := func(user string) *hub.Reader {
		r, err := h.Read(t.Context(), user, []chat.RoomID{"a"}, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	late, eve := open("u_ann"), open("u_eve")
	h.Tidy()
	log.happen(ban("a", "u_eve"))
	h.Tidy()
	h.Tidy()
	h.Tidy() // it does so every five seconds: a stalled connection is gone by then
	if _, err := eve.Ready(t.Context()); !errors.Is(err, hub.Loss{Room: "a", Why: chat.WhyBanned}) {
		t.Errorf("in time: %v", err)
	}
	h.Tidy()
	if _, err := late.Ready(t.Context()); !errors.Is(err, hub.Loss{}) {
		t.Errorf("late: %v", err)
	}
	if _, err := open("u_ann").Ready(t.Context()); err != nil {
		t.Errorf("a new one: %v", err)
	}
}
