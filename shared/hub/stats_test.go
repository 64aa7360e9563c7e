package hub_test

import (
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"confab/shared/chat"
	"confab/shared/hub"
)

func TestStatsCountReadersEventsAndCuts(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	reader, err := h.Read(t.Context(), "", chat.Rooms([]chat.RoomID{"lobby"}), "")
	if err != nil {
		t.Fatal(err)
	}
	log.post("lobby", "hi")
	if _, err := reader.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := h.Stats(); s.Rooms != 1 || s.Audiences != 1 || s.Waiting != 1 || s.Events != 1 {
		t.Errorf("with one reader after one event: %+v", s)
	}
	reader.Close()
	reader.Close()
	if s := h.Stats(); s.Waiting != 0 || s.Ends[hub.Left] != 1 {
		t.Errorf("after it left: %+v", s)
	}
}

func TestStatsTakeTheCallersWordForWhyAReaderEnded(t *testing.T) {
	log := newFakeLog()
	h := newHub(t, log)
	reader, err := h.Read(t.Context(), "", chat.Rooms([]chat.RoomID{"lobby"}), "")
	if err != nil {
		t.Fatal(err)
	}
	reader.SetEndReason(hub.Stalled)
	reader.Close()
	if s := h.Stats(); s.Ends[hub.Stalled] != 1 || s.Ends[hub.Left] != 0 {
		t.Errorf("after it stalled: %+v", s)
	}
}

func TestStatsTellWhyAnAdoptedConnectionEnded(t *testing.T) {
	log := newFakeLog()
	h := hub.New(log, slog.New(slog.DiscardHandler))
	if !h.CanAdopt() {
		h.Close(0)
		t.Skip("connections are not adopted here")
	}
	url := serve(t, h, adopted) + "/?room=lobby"
	for range 2 {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		eventually(t, "an adopted connection", func() bool { return h.Stats().Adopted == 1 })
		log.post("lobby", "hi")
		eventually(t, "a sweep", func() bool { return h.Stats().Sweeps > 0 })
		res.Body.Close()
		eventually(t, "no connection left", func() bool { return h.Stats().Adopted == 0 })
	}
	if s := h.Stats(); s.Ends[hub.Left] != 2 || s.Waiting != 0 {
		t.Errorf("after two left: %+v", s)
	}
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	eventually(t, "an adopted connection", func() bool { return h.Stats().Adopted == 1 })
	h.Close(0)
	if s := h.Stats(); s.Ends[hub.Shutdown] != 1 || s.Adopted != 0 {
		t.Errorf("after the hub closed: %+v", s)
	}
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Second); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("waited in vain for", what)
		}
	}
}

func TestLagIsHowOldAnEventIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		h := hub.New(log, slog.New(slog.DiscardHandler))
		defer h.Close(0)
		reader, err := h.Read(t.Context(), "", []chat.RoomID{"lobby"}, "")
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		log.roomLog("lobby").clock = uint64(time.Now().UnixMilli()) - 1000 - 300 // the next is 300 ms old
		log.post("lobby", "late")
		lag := h.Stats().Lag
		for i, bound := range hub.LagBounds {
			want := uint64(0)
			if bound == 500*time.Millisecond {
				want = 1
			}
			if lag.Buckets[i] != want {
				t.Errorf("%d events of up to %v, want %d", lag.Buckets[i], bound, want)
			}
		}
		if lag.Sum != 300*time.Millisecond {
			t.Errorf("the sum is %v", lag.Sum)
		}
	})
}
